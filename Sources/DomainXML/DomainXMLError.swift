// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// Why a domain XML could not be read or edited.
public enum DomainXMLError: Equatable, Sendable {
    /// Not well-formed XML. Lines and columns count from 1; a column counts bytes.
    case malformed(line: Int, column: Int, reason: String)
    /// The text is longer than any domain's.
    case tooLarge(bytes: Int, limit: Int)
    /// Elements are nested deeper than in any domain.
    case tooDeep(line: Int, limit: Int)
    /// There are more elements than in any domain.
    case tooManyElements(line: Int, limit: Int)
    /// A document type declaration: libvirt has none, and entities can make a small document huge.
    case documentType(line: Int)
    /// The XML declaration names an encoding other than UTF-8.
    case encoding(String)
    /// The root element is not `<domain>`.
    case notADomain(root: String)
    /// A required element or attribute is missing.
    case missing(String, in: String, line: Int)
    /// An element that is allowed once occurs again.
    case duplicate(String, line: Int)
    /// The request has more devices than any domain.
    case tooManyDevices(Int, limit: Int, line: Int)
    /// A value of the wrong form. `subject` names the element and attribute.
    case invalid(subject: String, value: String, line: Int, expected: String)
    /// An unknown element or attribute of Buslane's namespace, most likely a typing error. `nearest` is a known name
    /// that is similar.
    case unknown(String, in: String, line: Int, nearest: String?)
    /// Buslane's element in another namespace than the one that is read, or in none.
    case namespace(String, given: String?, line: Int)
    /// Buslane's element in a place where libvirt drops it.
    case misplaced(String, in: String, line: Int)
    /// There is no `<devices>` to add to.
    case noDevices(line: Int)
    /// The domain would have this function twice.
    case addressInUse(PCIAddress, by: String)
    /// The alias that the device would get belongs to something else.
    case nameInUse(String, by: String)
    /// The companion cannot share the guest's slot with its leader.
    case companion(String, of: String, reason: String)
    /// The guest has no PCI slot left for a device that needs one of its own.
    case noGuestSlot(for: String)
    /// The interface cannot stand in for the device.
    case standby(alias: String, device: String, Standby)

    /// Why an interface cannot stand in for a VF while it is unplugged.
    public enum Standby: Equatable, Sendable {
        case absent
        /// The element with the alias is not a virtio interface.
        case notVirtio(String)
        case notPersistent(String)
        case withoutMAC(String)
        /// The two halves are one interface to the guest because they have one address.
        case otherMAC(String, MACAddress, wanted: MACAddress)
    }
}

extension DomainXMLError: Reportable {
    public var report: ErrorReport {
        switch self {
        case .malformed(let line, let column, let reason):
            Self.report(
                place: "domain XML, line \(line), column \(column)", "not well-formed: \(reason)",
                remedy: reason == "unbound prefix"
                    ? "declare the prefix where it is used, like xmlns:buslane='\(DomainRequest.namespace)'" : nil)
        case .tooLarge(let bytes, let limit): Self.report("\(bytes) bytes are too many: the limit is \(limit)")
        case .tooDeep(let line, let limit):
            Self.report(line, "elements are nested too deeply: the limit is \(limit)")
        case .tooManyElements(let line, let limit):
            Self.report(line, "there are too many elements: the limit is \(limit)")
        case .documentType(let line):
            Self.report(
                line, "a DOCTYPE is refused: a domain has none, and its entities are not safe to expand",
                remedy: "remove the DOCTYPE")
        case .encoding(let name):
            Self.report(
                "encoding '\(name)' is refused: only UTF-8 is read",
                remedy: "convert it with iconv -t UTF-8, and change the declaration")
        case .notADomain(let root): Self.report("the root element is <\(root)>: expected <domain>")
        case .missing(let what, let place, let line):
            Self.report(line, "\(place) has no \(what)", remedy: "add \(what) to \(place)")
        case .duplicate(let what, let line):
            Self.report(line, "\(what) occurs a second time", remedy: "keep only one \(what)")
        case .tooManyDevices(let count, let limit, let line):
            Self.report(
                line, "<request> has \(count) devices: the limit is \(limit)",
                remedy: "request at most \(limit) devices")
        case .invalid(let subject, let value, let line, let expected):
            Self.report(line, "\(subject) is '\(value)': expected \(expected)")
        case .unknown(let what, let place, let line, let nearest):
            Self.report(line, "\(place) has an unknown \(what)", remedy: nearest.map { "write \($0)" })
        case .namespace(let what, let given, let line):
            Self.report(
                line,
                "\(what) is in "
                    + (given.map { "the namespace '\($0)', which Buslane does not read" }
                        ?? "no namespace, and libvirt would drop it"),
                remedy: "write xmlns:buslane='\(DomainRequest.namespace)' and <buslane:\(what.dropFirst())")
        case .misplaced(let what, let place, let line):
            Self.report(
                line, "\(what) is directly in \(place), where libvirt drops it", remedy: "move \(what) into <metadata>")
        case .noDevices(let line):
            Self.report(line, "<domain> has no <devices>", remedy: "add <devices/> to <domain>")
        case .addressInUse(let address, let user):
            Self.report(
                "\(address) cannot be added: \(user) already has it",
                remedy: "remove \(address) from the XML, or let only Buslane add it")
        case .nameInUse(let name, let user):
            Self.report(
                "device '\(name)' cannot be added: \(user) already has its name",
                remedy: "give one of them another name")
        case .companion(let name, let leader, let reason):
            Self.report(
                "device '\(name)' cannot be the companion of '\(leader)': \(reason)",
                remedy: "name another device than '\(leader)': one that is in the domain, or is added with it")
        case .noGuestSlot(let name):
            Self.report(
                "device '\(name)' cannot be added: the guest's PCI bus has no free slot",
                remedy: "remove devices, or use a q35 machine")
        case .standby(let alias, let device, let reason):
            Self.report(
                "device '\(device)' cannot fail over to '\(alias)': \(reason.text)", remedy: reason.remedy(alias: alias)
            )
        }
    }

    private static func report(_ line: Int, _ message: String, remedy: String? = nil) -> ErrorReport {
        report(place: "domain XML, line \(line)", message, remedy: remedy)
    }

    private static func report(_ message: String, remedy: String? = nil) -> ErrorReport {
        report(place: "domain XML", message, remedy: remedy)
    }

    private static func report(place: String, _ message: String, remedy: String?) -> ErrorReport {
        ErrorReport(.unprocessable, "bad-domain-xml", "domain XML", "\(place): \(message)", remedy: remedy)
    }
}

extension DomainXMLError.Standby {
    fileprivate var text: String {
        switch self {
        case .absent: "nothing in <devices> has that alias"
        case .notVirtio(let label): "\(label) is not a virtio interface"
        case .notPersistent(let label): "\(label) has no <teaming type='persistent'/>"
        case .withoutMAC(let label): "\(label) has no <mac>"
        case .otherMAC(let label, let mac, let wanted): "\(label) has the MAC address \(mac), the device \(wanted)"
        }
    }

    fileprivate func remedy(alias: String) -> String {
        switch self {
        case .absent, .notVirtio:
            "give a virtio interface <model type='virtio'/>, <teaming type='persistent'/> and <alias name='\(alias)'/>"
        case .notPersistent: "add <teaming type='persistent'/> to it"
        case .withoutMAC: "add <mac address='…'/> to it"
        case .otherMAC: "give both the same address, or leave the device's out of the request"
        }
    }
}
