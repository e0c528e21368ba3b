// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel
import SystemPackage

/// Reads what a card is, whatever its address.
///
/// Reads config space, which wakes a suspended function: for the moments at which ownership is recorded or compared.
public struct CardReader: Sendable {
    private let paths: HostPaths

    public init(paths: HostPaths) { self.paths = paths }

    /// The identity of the function at the address, of a VF that of its PF. nil if there is none, or if it does not say
    /// what it is.
    public func identity(at address: PCIAddress) -> CardIdentity? {
        var pass = ReadPass()
        guard let bus = try? Directory(paths.pciDevices), let home = try? Directory(address.description, in: bus) else {
            return nil
        }
        let physical: PCIAddress? = try? pass.target(of: "physfn", in: home) { SysfsText.lastFunction(onPath: $0) }
        if let physical { return physical == address ? nil : identity(at: physical) }
        let subject = address.description
        let config = pass.configSpace?.reading(in: home)
        let reader = IdentityReader(subject: subject, config: config)
        guard
            let identity = try? reader.identity(in: home, &pass, isStillThere: { bus.contains(subject) }),
            identity.vendor != nil, identity.device != nil
        else { return nil }
        let place: String? = try? pass.target(of: subject, in: bus)
        return CardIdentity(
            slot: place.flatMap { slot($0, &pass) }, serial: config?.serialNumber, identity: identity,
            macs: permanentAddresses(in: home, &pass))
    }

    /// The device tree names each function on the way by its address, of which only device and function are the slot's.
    ///
    /// The host bridge is named by the firmware. Without such a name, one with bus 0 keeps its number; any other may get
    /// another, and the slot is unknown.
    ///
    /// - Parameter link: the target of the bus's link to the function, `../../../devices/pci0000:3a/0000:3a:00.0/…`.
    ///
    /// Source: the `firmware_node` link, Documentation/ABI/testing/sysfs-devices-firmware_node; `path`,
    /// Documentation/ABI/testing/sysfs-bus-acpi.
    private func slot(_ link: String, _ pass: inout ReadPass) -> String? {
        let names = link.split(separator: "/")
        guard let bridge = names.firstIndex(where: Self.isHostBridge), let first = names.firstIndex(of: "devices")
        else {
            return nil
        }
        let steps = names[(bridge + 1)...].compactMap { PCIAddress(canonical: String($0).utf8.span) }
        let folder = paths.pciDevices + "/" + names[...bridge].joined(separator: "/")
        let root: String
        if let name = pass.contents(ofFile: folder + "/firmware_node/path"), !name.isEmpty {
            root = name
        } else if names[bridge].hasSuffix(":00"), first < bridge {
            root = names[(first + 1)...bridge].joined(separator: "/")
        } else {
            return nil
        }
        return ([root] + steps.map { "\($0.device.hex(2)).\($0.function)" }).joined(separator: "/")
    }

    /// `pci0000:3a`. Source: `pci_register_host_bridge`, drivers/pci/probe.c.
    private static func isHostBridge(_ name: Substring) -> Bool {
        guard name.hasPrefix("pci") else { return false }
        let parts = name.dropFirst(3).split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isHexDigit) }
    }

    /// The addresses that the function's interfaces were made with. A representor has none: its address is random. That of
    /// an interface whose address was set, as in a bond, is not known.
    ///
    /// Source: `addr_assign_type`, Documentation/ABI/testing/sysfs-class-net; `register_netdevice`, net/core/dev.c.
    private func permanentAddresses(in home: borrowing Directory, _ pass: inout ReadPass) -> [MACAddress] {
        let virtio = ((try? Directory(".", in: home).names()) ?? []).filter { $0.hasPrefix("virtio") }
        var macs: [MACAddress] = []
        for path in ["net"] + virtio.map({ $0 + "/net" }) {
            guard let folder = try? Directory(path, in: home), let names = try? folder.names() else { continue }
            for name in names {
                guard let interface = try? Directory(name, in: folder) else { continue }
                let kind: Int? = (try? pass.read("addr_assign_type", in: interface, SysfsText.count)).flatMap(\.self)
                guard kind == 0 else { continue }
                let text: String?? = try? pass.text("address", in: interface, of: name)
                if let mac = text.flatMap(\.self).flatMap({ try? MACAddress($0) }) { macs.append(mac) }
            }
        }
        return macs
    }
}
