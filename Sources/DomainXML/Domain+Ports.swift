// SPDX-License-Identifier: GPL-3.0-or-later

extension Domain {
    /// How many root ports have nothing behind them: how many devices can be attached while the domain runs.
    ///
    /// nil where the document doesn't show it: a machine without PCI Express has slots instead, and for a device without
    /// an address libvirt has yet to find a place and may add a port. The XML of a defined domain shows it.
    public var freeHotplugPorts: Int? {
        let buses = GuestBuses(document.root)
        guard buses.kind == .express, !document.root.all("devices").flatMap(\.children).contains(where: \.lacksPlace)
        else { return nil }
        return buses.ports.count { $0.takesHotplug && !buses.isOccupied($0) }
    }

    /// The XML of one device, as libvirt attaches it to this domain while it runs.
    ///
    /// Where the guest is to see the device's node and has a free port there, the device goes behind that port; else
    /// libvirt chooses its place.
    public func plugging(_ device: DeviceSpec) -> String {
        let buses = GuestBuses(document.root)
        let port = device.alignedTo.flatMap { GuestNodes(of: self).expanders[$0] }.flatMap { expander in
            buses.ports.first { $0.parent == expander && $0.takesHotplug && !buses.isOccupied($0) }
        }
        let place = port.map { GuestPlace(address: GuestAddress(bus: $0.index, slot: 0)) }
        return Layout.lines(indentation: "", unit: "  ", newline: "\n").block(device.markup(at: place))
    }

    /// The domain with at least this many free root ports, for devices to be attached while it runs.
    ///
    /// Free ports that are there count; missing ones are added, with aliases `ua-lane-spare-N` and the next indexes.
    /// ``adding(_:)`` leaves them free. A machine without PCI Express needs none.
    ///
    /// - Throws: ``DomainXMLError/noDevices(line:)``, ``DomainXMLError/noGuestSlot(for:)``.
    public func addingSparePorts(upTo count: Int) throws(DomainXMLError) -> Domain {
        var buses = GuestBuses(document.root)
        guard buses.kind == .express else { return self }
        // Until libvirt has placed every device, only the spare ports are sure to stay free.
        let free =
            freeHotplugPorts ?? buses.ports.count { $0.isSpare && !buses.isOccupied($0) }
        guard free < count else { return self }
        let container = try DevicesElement(of: document)
        guard !container.isSelfClosing else { throw .noDevices(line: document.root.line) }
        let numbers = Set(buses.ports.compactMap(\.alias))
        var names = (1...).lazy.map { GuestBuses.sparePrefix + String($0) }.filter { !numbers.contains($0) }
            .makeIterator()
        let layout = container.layout
        var insertion = ""
        for _ in free..<count {
            guard let name = names.next(), let port = buses.addPort(alias: name) else {
                throw .noGuestSlot(for: GuestBuses.sparePrefix)
            }
            insertion += layout.block(port.markup)
        }
        return try applying([container.appending(insertion)])
    }

    /// The domain without the spare ports that ``addingSparePorts(upTo:)`` added and that have nothing behind them.
    ///
    /// - Throws: ``DomainXMLError``, by no document that could be parsed.
    public func removingSparePorts() throws(DomainXMLError) -> Domain {
        try withoutIdlePorts(prefix: GuestBuses.sparePrefix)
    }

    /// Without the ports whose alias starts so and that have nothing behind them, from the highest index down to the
    /// first controller that stays.
    func withoutIdlePorts(prefix: String) throws(DomainXMLError) -> Domain {
        let buses = GuestBuses(document.root)
        var edits: [Edit] = []
        for index in buses.controllers.keys.sorted(by: >) {
            guard let port = buses.ports.first(where: { $0.index == index }), port.alias?.hasPrefix(prefix) == true,
                !buses.isOccupied(port)
            else { break }
            edits.append(Edit(range: document.removalRange(of: port.element), replacement: ""))
        }
        return try applying(edits)
    }
}

extension GuestBuses.Port {
    fileprivate var isSpare: Bool { alias?.hasPrefix(GuestBuses.sparePrefix) == true }
}

extension XMLElement {
    /// A device of the guest's PCI bus for which libvirt has yet to find a place.
    ///
    /// Source: qemuDomainDeviceCalculatePCIConnectFlags, qemu_domain_address.c.
    fileprivate var lacksPlace: Bool {
        guard namespace == nil, first("address") == nil else { return false }
        switch name {
        case "interface", "video", "vsock", "filesystem", "shmem", "crypto": return true
        case "hostdev": return self["type"] == "pci" || self["type"] == "mdev"
        case "disk": return first("target")?["bus"] == "virtio"
        case "controller":
            return switch self["type"] {
            case "pci": self["model"] != "pcie-root" && self["model"] != "pci-root"
            case "scsi", "virtio-serial", "usb", "sata", "ide": self["model"] != "none"
            default: false
            }
        case "sound": return !["sb16", "pcspk", "usb"].contains(self["model"])
        case "memballoon": return self["model"] != "none"
        case "rng": return self["model"]?.hasPrefix("virtio") == true
        case "watchdog": return self["model"] == "i6300esb"
        case "input": return self["bus"] == "virtio"
        default: return false
        }
    }
}
