// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// A device of the domain that takes a function from the host.
struct Passthrough: Sendable {
    let element: XMLElement
    /// The element that holds the host's address.
    let source: XMLElement
    let address: PCIAddress
    /// nil for a device that Buslane cannot have added, like an NVMe disk.
    let kind: DeviceSpec.Kind?

    var alias: String? { element.first("alias")?["name"] }

    /// The name of a device that Buslane added.
    var injectedName: String? {
        guard kind != nil, let alias, alias.hasPrefix(DeviceSpec.aliasPrefix) else { return nil }
        return String(alias.dropFirst(DeviceSpec.aliasPrefix.count))
    }

    /// Its name in messages.
    var label: String { element.label }

    var mac: MACAddress? {
        element.first("mac")?["address"].flatMap { text in try? MACAddress(text) }
    }

    /// The tag of a VLAN without trunk and with one tag.
    var vlan: VLANID? {
        guard let vlan = element.first("vlan"), vlan["trunk"] != "yes", let tag = vlan.all("tag").first,
            vlan.all("tag").count == 1
        else { return nil }
        return tag["id"].flatMap { text in try? VLANID(text) }
    }

    /// The alias of its standby interface.
    var failover: String? {
        element.first("teaming").flatMap { $0["type"] == "transient" ? $0["persistent"] : nil }
    }

    /// Reads one child of `<devices>`. An NVMe disk can have several functions; most elements have none.
    ///
    /// - Throws: ``DomainXMLError`` for a PCI source without a readable address: without it, a function could be added
    ///   twice.
    static func all(in device: XMLElement) throws(DomainXMLError) -> [Passthrough] {
        guard device.namespace == nil else { return [] }
        switch device.name {
        case "interface" where device["type"] == "hostdev":
            guard let source = device.first("source") else {
                throw .missing("<source>", in: device.label, line: device.line)
            }
            guard let type = source.first("address")?["type"], type != "pci" else {
                return [try Passthrough(device: device, source: source, kind: .interface)]
            }
            return []
        case "hostdev" where device["type"] == "pci" && (device["mode"] ?? "subsystem") == "subsystem":
            guard let source = device.first("source") else {
                throw .missing("<source>", in: device.label, line: device.line)
            }
            return [try Passthrough(device: device, source: source, kind: .hostdev)]
        case "disk":
            var found: [Passthrough] = []
            // Depth is bounded by the parser. An NVMe source may be the disk's own, a mirror's or a backing file's.
            var open = device.children
            while let element = open.popLast() {
                open += element.children
                guard element.namespace == nil, element.name == "source", element["type"] == "pci",
                    element.first("address") != nil
                else { continue }
                found.append(try Passthrough(device: device, source: element, kind: nil))
            }
            return found
        default:
            return []
        }
    }

    private init(device: XMLElement, source: XMLElement, kind: DeviceSpec.Kind?) throws(DomainXMLError) {
        guard let address = source.first("address") else {
            throw .missing("<address> in its <source>", in: device.label, line: source.line)
        }
        element = device
        self.source = source
        self.address = try PCIAddress(sourceAddress: address)
        self.kind = kind
    }
}

extension XMLElement {
    /// A device's name in messages.
    var label: String {
        if let alias = first("alias")?["name"] { return "device '\(alias)' at line \(line)" }
        return "<\(name)> at line \(line)"
    }
}

extension PCIAddress {
    /// Reads `<address domain= bus= slot= function=>` as libvirt does: an absent attribute is zero.
    fileprivate init(sourceAddress element: XMLElement) throws(DomainXMLError) {
        func number(_ attribute: String, upTo limit: UInt32) throws(DomainXMLError) -> UInt32 {
            guard let text = element[attribute] else { return 0 }
            guard let value = cNumber(text), value <= limit else {
                throw .invalid(
                    subject: "\(attribute) of a source <address>", value: text, line: element.line,
                    expected: "a number from 0 to 0x\(limit.hex(1))")
            }
            return value
        }
        let domain = try number("domain", upTo: .max)
        let bus = try number("bus", upTo: 0xff)
        let slot = try number("slot", upTo: 31)
        let function = try number("function", upTo: 7)
        guard
            let address = PCIAddress(
                domain: domain, bus: UInt8(truncatingIfNeeded: bus), device: UInt8(truncatingIfNeeded: slot),
                function: UInt8(truncatingIfNeeded: function))
        else { throw .missing("address", in: "a source <address>", line: element.line) }
        self = address
    }

    /// The attributes of a source address, as libvirt prints them.
    var sourceAttributes: [(String, String)] {
        [
            ("domain", "0x" + domain.hex(4)), ("bus", "0x" + bus.hex(2)), ("slot", "0x" + device.hex(2)),
            ("function", "0x" + function.hex(1)),
        ]
    }
}

/// Reads a number as C's `strtoul` with base 0 does, as libvirt: `0x1f`, `31` and `037` are equal.
func cNumber(_ text: String) -> UInt32? {
    guard let first = text.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-") else { return nil }
    let lower = text.lowercased()
    if lower.hasPrefix("0x") {
        let digits = lower.dropFirst(2)
        return digits.hasPrefix("+") || digits.hasPrefix("-") ? nil : UInt32(digits, radix: 16)
    }
    return UInt32(lower, radix: lower.hasPrefix("0") ? 8 : 10)
}
