// SPDX-License-Identifier: GPL-3.0-or-later

/// What an edit writes into a domain's XML about the place of its vCPUs and memory, where the XML says nothing yet.
public struct PlacementAdditions: Hashable, Sendable {
    public struct VCPUPin: Hashable, Sendable {
        public let vcpu: Int
        /// CPUs of the host.
        public let cpus: NumberSet

        public init(vcpu: Int, cpus: NumberSet) {
            self.vcpu = vcpu
            self.cpus = cpus
        }
    }

    public struct CellMemory: Hashable, Sendable {
        public let cell: Int
        /// The host's.
        public let node: Int

        public init(cell: Int, node: Int) {
            self.cell = cell
            self.node = node
        }
    }

    public var vcpuPins: [VCPUPin] = []
    /// CPUs of the host; nil adds nothing.
    public var emulatorPin: NumberSet?
    /// Host nodes that all of the domain's memory is bound to; nil adds nothing.
    public var memory: NumberSet?
    public var cellMemory: [CellMemory] = []
    /// The guest's nodes that get an expander bus, unless they have one; only on a machine with PCI Express.
    public var expanderCells: [Int] = []

    public init() {}
}

extension Domain {
    /// The domain with these additions; they come last in `<cputune>`, `<numatune>` and `<devices>`.
    ///
    /// An expander bus gets the alias `ua-lane-node-CELL`. Devices that are ``DeviceSpec/alignedTo`` the host node of
    /// its cell are added behind it by ``adding(_:)``: so the guest sees which node each is on.
    ///
    /// - Throws: ``DomainXMLError``, by no document that could be parsed.
    public func placing(_ additions: PlacementAdditions) throws(DomainXMLError) -> Domain {
        var insertions = [
            Insertion(into: "cputune", additions.pinMarkup), Insertion(into: "numatune", additions.memoryMarkup),
        ]
        let buses = GuestBuses(document.root)
        if buses.kind == .express {
            insertions.append(Insertion(into: "devices", Self.expanders(for: additions.expanderCells, on: buses)))
        }
        var result = document
        for insertion in insertions where !insertion.markup.isEmpty {
            result = try XMLDocument(parsing: result.inserting(insertion))
        }
        return result.bytes == document.bytes ? self : try Domain(bytes: result.bytes)
    }

    private static func expanders(for cells: [Int], on buses: GuestBuses) -> [Markup] {
        var buses = buses
        let present = Set(buses.controllers.values.compactMap(\.expanderCell))
        var numbers = Set(
            buses.controllers.values.compactMap { $0.first("target")?["busNr"].flatMap(cNumber) }.map { Int($0) })
        return cells.filter { !present.contains($0) }.map { cell in
            let number = firstBusNumber(without: numbers)
            numbers.insert(number)
            let target = Markup(
                name: "target", attributes: [("busNr", String(number))],
                children: [Markup(name: "node", text: String(cell))])
            return GuestBuses.controller(
                buses.takeIndex(), model: "pcie-expander-bus", alias: GuestBuses.nodePrefix + String(cell),
                children: [target])
        }
    }

    /// A number with room above it: each port behind an expander bus is a bus with a number above the expander's.
    private static func firstBusNumber(without numbers: Set<Int>) -> Int {
        for room in [0x20, 8] {
            let free = stride(from: 0x40, to: 0x100, by: room).first { first in
                !numbers.contains { (first..<first + room).contains($0) }
            }
            if let free { return free }
        }
        return 0xf8
    }
}

extension PlacementAdditions {
    fileprivate var pinMarkup: [Markup] {
        let pins = vcpuPins.map {
            Markup(name: "vcpupin", attributes: [("vcpu", "\($0.vcpu)"), ("cpuset", "\($0.cpus)")])
        }
        return pins + (emulatorPin.map { [Markup(name: "emulatorpin", attributes: [("cpuset", "\($0)")])] } ?? [])
    }

    fileprivate var memoryMarkup: [Markup] {
        let whole = memory.map {
            [Markup(name: "memory", attributes: [("mode", "strict"), ("nodeset", "\($0)")])]
        }
        return (whole ?? [])
            + cellMemory.map {
                Markup(
                    name: "memnode",
                    attributes: [("cellid", "\($0.cell)"), ("mode", "strict"), ("nodeset", "\($0.node)")])
            }
    }
}
