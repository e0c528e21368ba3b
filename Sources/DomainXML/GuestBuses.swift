// SPDX-License-Identifier: GPL-3.0-or-later

/// The guest's PCI buses as a document has them, and what is taken on them while devices are added.
///
/// Most devices leave their place to libvirt, which makes ports as it needs them. A device that has to share a slot,
/// or to be on a node of the guest's, needs an address, and then the port that leads there.
struct GuestBuses {
    enum Kind {
        /// q35 and its like: a device sits behind a root port of its own.
        case express
        /// i440fx and its like: a device sits in a slot of the one bus.
        case conventional
    }

    /// A root port: a bus with one slot.
    struct Port {
        let index: Int
        /// nil while its own address is libvirt's to choose.
        let parent: Int?
        let alias: String?
        let takesHotplug: Bool
        let element: XMLElement
    }

    /// What the alias of a controller that Buslane added starts with. No device's does.
    static let portPrefix = "ua-lane-port-"
    static let sparePrefix = "ua-lane-spare-"
    static let nodePrefix = "ua-lane-node-"

    let kind: Kind
    /// In the order of their indexes.
    let ports: [Port]
    /// PCI controllers by index, root ports among them.
    let controllers: [Int: XMLElement]
    private var taken: Set<GuestAddress> = []
    /// Slots of the root bus that hold root ports alone and have room for more of them.
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

    /// One above every index that is there or that libvirt will give: so ours follow on without a gap.
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
        // The root bus is there even where the document doesn't say so.
        return used.union(buses).union([0]).max().map { $0 + 1 } ?? 1
    }

    func isTaken(_ place: GuestAddress) -> Bool { taken.contains(place) }

    /// Whether a device is behind this port.
    func isOccupied(_ port: Port) -> Bool { taken.contains { $0.bus == port.index } }

    /// The function of a slot that a companion gets: the one that it has on the host where that is free.
    mutating func takeFunction(besides place: GuestAddress, preferring function: Int) -> GuestAddress? {
        let choice = ([function] + Array(1...7)).first {
            $0 > 0 && !isTaken(GuestAddress(bus: place.bus, slot: place.slot, function: $0))
        }
        guard let choice else { return nil }
        let found = GuestAddress(bus: place.bus, slot: place.slot, function: choice)
        taken.insert(found)
        return found
    }

    /// A slot for a device to have to itself, and the controllers to add for it, in the order of their indexes.
    ///
    /// A root port that is there without a device behind it is taken first.
    ///
    /// - Parameters:
    ///   - name: the device's: its port bears it.
    ///   - expander: the index of the expander bus that the port is to be on; nil for the root bus.
    /// - Returns: nil when there is no room.
    mutating func takeSlot(for name: String, on expander: Int? = nil) -> (place: GuestAddress, controllers: [Markup])? {
        guard kind == .express else {
            // Slots 1 and 2 are the chipset's and the graphics card's.
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

    /// A root port more.
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

    /// Eight root ports share a slot of the root bus, as libvirt has them too.
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
