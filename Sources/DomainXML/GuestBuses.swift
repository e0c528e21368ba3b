// SPDX-License-Identifier: GPL-3.0-or-later

/// The guest's PCI buses in a document, and the places taken on them while devices are added.
///
/// libvirt places most devices and adds ports as it needs them. A device that shares a slot, or that is to be on one of
/// the guest's nodes, gets an address here, and a port for it.
struct GuestBuses {
    enum Kind {
        /// q35 and similar machines: each device is behind a root port of its own.
        case express
        /// i440fx and similar machines: each device is in a slot of the one bus.
        case conventional
    }

    /// A root port: a bus with one slot.
    struct Port {
        let index: Int
        /// nil for a port without an address, which libvirt will place.
        let parent: Int?
        let alias: String?
        let takesHotplug: Bool
        let element: XMLElement
    }

    /// Prefixes of the aliases of controllers that Buslane added. No device has them.
    static let portPrefix = "ua-lane-port-"
    static let sparePrefix = "ua-lane-spare-"
    static let nodePrefix = "ua-lane-node-"

    let kind: Kind
    /// In the order of their indexes.
    let ports: [Port]
    /// PCI controllers by index, root ports among them.
    let controllers: [Int: XMLElement]
    private var taken: Set<GuestAddress> = []
    /// Slots of the root bus that hold only root ports and have room for more.
    private var portSlots: Set<Int> = []
    private var nextIndex: Int

    init(_ root: XMLElement) {
        let devices = root.all("devices").flatMap(\.children).filter { $0.namespace == nil }
        let pci = devices.filter { $0.name == "controller" && $0["type"] == "pci" }
        kind = Self.kind(of: root, controllers: pci)
        var indexed: [Int: XMLElement] = [:]
        for controller in pci {
            if let index = controller["index"].flatMap(cNumber) { indexed[Int(index)] = controller }
        }
        controllers = indexed
        ports = indexed.filter { $1["model"] == "pcie-root-port" }.map { index, element in
            Port(
                index: index, parent: GuestAddress(of: element)?.bus, alias: element.first("alias")?["name"],
                takesHotplug: element.first("target")?["hotplug"] != "off", element: element)
        }.sorted { $0.index < $1.index }
        taken = Set(devices.compactMap(GuestAddress.init(of:)))
        nextIndex = Self.firstFreeIndex(
            indexed: Set(indexed.keys), without: pci.count { $0["index"] == nil }, buses: Set(taken.map(\.bus)))
        for device in devices where device["model"] == "pcie-root-port" {
            guard let place = GuestAddress(of: device), place.bus == 0, place.function == 0,
                device.first("address")?["multifunction"] == "on"
            else { continue }
            portSlots.insert(place.slot)
        }
        for device in devices where device["model"] != "pcie-root-port" {
            if let place = GuestAddress(of: device), place.bus == 0 { portSlots.remove(place.slot) }
        }
    }

    /// Source: qemuDomainDefAddDefaultDevices, qemu_domain.c: q35 and ARM's virt have a pcie-root; no machine is `pc`.
    private static func kind(of root: XMLElement, controllers: [XMLElement]) -> Kind {
        if controllers.contains(where: { $0["model"] == "pcie-root" }) { return .express }
        let machine = root.first("os")?.first("type")?["machine"] ?? "pc"
        return machine.contains("q35") || machine.hasPrefix("virt") ? .express : .conventional
    }

    /// One above every index that is there or that libvirt will assign, so that new indexes follow without a gap.
    ///
    /// A controller without an index gets the lowest that is free, and a bus that an address names gets a controller.
    /// Source: virDomainControllerFindUnusedIndex, domain_conf.c; qemuDomainAssignPCIAddresses.
    private static func firstFreeIndex(indexed: Set<Int>, without count: Int, buses: Set<Int>) -> Int {
        var used = indexed
        var lowest = 0
        for _ in 0..<count {
            while used.contains(lowest) { lowest += 1 }
            used.insert(lowest)
        }
        // Every machine has the root bus, even where the document doesn't list it.
        return used.union(buses).union([0]).max().map { $0 + 1 } ?? 1
    }

    func isTaken(_ place: GuestAddress) -> Bool { taken.contains(place) }

    /// Whether something is behind this port.
    func isOccupied(_ port: Port) -> Bool { taken.contains { $0.bus == port.index } }

    /// Takes a function of a slot for a companion: the function number that it has on the host, where that is free.
    mutating func takeFunction(besides place: GuestAddress, preferring function: Int) -> GuestAddress? {
        let choice = ([function] + Array(1...7)).first {
            $0 > 0 && !isTaken(GuestAddress(bus: place.bus, slot: place.slot, function: $0))
        }
        guard let choice else { return nil }
        let found = GuestAddress(bus: place.bus, slot: place.slot, function: choice)
        taken.insert(found)
        return found
    }

    /// Takes a slot for one device, with the controllers to add for it, in the order of their indexes.
    ///
    /// A free root port that is there is taken first.
    ///
    /// - Parameters:
    ///   - name: the device's; a new port has it in its alias.
    ///   - expander: the index of the expander bus that the port is to be on; nil for the root bus.
    /// - Returns: nil when there is no room.
    mutating func takeSlot(for name: String, on expander: Int? = nil) -> (place: GuestAddress, controllers: [Markup])? {
        guard kind == .express else {
            // Slots 1 and 2 belong to the chipset and the graphics card.
            guard let slot = (3...31).first(where: { isFree(slot: $0, of: 0) }) else { return nil }
            let place = GuestAddress(bus: 0, slot: slot)
            taken.insert(place)
            return (place, [])
        }
        let free = ports.first { port in
            !isOccupied(port) && (expander.map { port.parent == $0 } ?? ((port.parent ?? 0) == 0))
                && port.alias?.hasPrefix(Self.sparePrefix) != true
        }
        if let free {
            let place = GuestAddress(bus: free.index, slot: 0)
            taken.insert(place)
            return (place, [])
        }
        guard let port = addPort(alias: Self.portPrefix + name, on: expander) else { return nil }
        let place = GuestAddress(bus: port.index, slot: 0)
        taken.insert(place)
        return (place, [port.markup])
    }

    /// Adds a root port.
    ///
    /// - Returns: nil when the bus has no slot left.
    mutating func addPort(alias: String, on expander: Int? = nil) -> (index: Int, markup: Markup)? {
        guard let place = expander.map(portPlace(onExpander:)) ?? portPlace() else { return nil }
        taken.insert(place)
        let index = takeIndex()
        let markup = Self.controller(
            index, model: "pcie-root-port", alias: alias,
            children: [place.markup(multifunction: place.bus == 0 && place.function == 0)])
        return (index, markup)
    }

    mutating func takeIndex() -> Int {
        defer { nextIndex += 1 }
        return nextIndex
    }

    static func controller(_ index: Int, model: String, alias: String, children: [Markup]) -> Markup {
        Markup(
            name: "controller", attributes: [("type", "pci"), ("index", String(index)), ("model", model)],
            children: [Markup(name: "alias", attributes: [("name", alias)])] + children)
    }

    private func isFree(slot: Int, of bus: Int) -> Bool {
        !(0...7).contains { isTaken(GuestAddress(bus: bus, slot: slot, function: $0)) }
    }

    private func portPlace(onExpander bus: Int) -> GuestAddress? {
        (0...31).first { isFree(slot: $0, of: bus) }.map { GuestAddress(bus: bus, slot: $0) }
    }

    /// Eight root ports share a slot of the root bus, as in libvirt.
    private mutating func portPlace() -> GuestAddress? {
        for slot in portSlots.sorted() {
            for function in 1...7 {
                let place = GuestAddress(bus: 0, slot: slot, function: function)
                if !isTaken(place) { return place }
            }
        }
        guard let slot = (2...30).first(where: { !Self.chipsetSlots.contains($0) && isFree(slot: $0, of: 0) }) else {
            return nil
        }
        portSlots.insert(slot)
        return GuestAddress(bus: 0, slot: slot)
    }

    /// Where libvirt puts USB and sound controllers of q35. Source: qemuDomainValidateDevicePCISlotsQ35.
    private static let chipsetSlots: Set<Int> = [0x1a, 0x1b, 0x1d]
}
