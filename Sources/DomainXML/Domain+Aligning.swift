// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

extension Domain {
    /// The XML with the domain's vCPUs and memory on its devices' nodes, where it leaves them open.
    ///
    /// A guest without nodes of its own gets all of it on the nodes of its devices. A guest with nodes gets one of them
    /// on each device's node, and on q35 an expander bus there (alias `ua-lane-node-CELL`), behind which
    /// ``adding(_:)`` puts the devices that are ``DeviceSpec/alignedTo`` it: so the guest sees which node each
    /// is on. What the XML says stays, and a `<vcpu cpuset>` is a limit that is kept; an `<emulatorpin>` that is there
    /// may be anywhere, since packets don't pass there. Done twice, nothing changes; taking devices out leaves it.
    ///
    /// - Parameters:
    ///   - devices: those whose node is known. To be called before they are added.
    ///   - nodes: the host's.
    /// - Throws: ``DomainXMLError/misaligned(_:)`` where the XML says something else, with both sides.
    public func aligned(to devices: [DeviceNode], on nodes: [NUMANode]) throws(DomainXMLError) -> String {
        guard !devices.isEmpty else { return text }
        let placement = try placement
        let plan = try Alignment(of: placement, to: devices, on: HostNodes(nodes))
        var insertions: [Insertion] = [
            Insertion(into: "cputune", plan.pins), Insertion(into: "numatune", plan.memory),
        ]
        let buses = GuestBuses(document.root)
        if buses.kind == .express {
            insertions.append(Insertion(into: "devices", expanders(for: plan.cells, buses: buses)))
        }
        var result = document
        for insertion in insertions where !insertion.markup.isEmpty {
            result = try XMLDocument(parsing: result.inserting(insertion))
        }
        return String(decoding: result.bytes, as: UTF8.self)
    }

    /// The expander bus of each of the host's nodes that one of the guest's stands for: its controller's index.
    var expanders: [Int: Int] {
        guard let placement = try? placement else { return [:] }
        var nodes: [Int: Int] = [:]
        for cell in placement.cells { nodes[cell.id] = placement.nodes(of: cell)?.single }
        var found: [Int: Int] = [:]
        for (index, controller) in GuestBuses(document.root).controllers.sorted(by: { $0.key < $1.key }) {
            guard let cell = controller.expanderCell, let node = nodes[cell], found[node] == nil else { continue }
            found[node] = index
        }
        return found
    }

    private func expanders(for cells: [Int], buses: GuestBuses) -> [Markup] {
        var buses = buses
        let present = Set(buses.controllers.values.compactMap(\.expanderCell))
        var numbers = Set(
            buses.controllers.values.compactMap { $0.first("target")?["busNr"].flatMap(cNumber) }.map { Int($0) })
        return cells.filter { !present.contains($0) }.map { cell in
            // Room for the ports behind it: each is a bus with a number above its expander's.
            let room = 0x20
            let number =
                stride(from: 0x40, to: 0x100, by: room).first { first in
                    !numbers.contains { (first..<first + room).contains($0) }
                } ?? stride(from: 0x40, to: 0x100, by: 8).first { first in
                    !numbers.contains { (first..<first + 8).contains($0) }
                } ?? 0xf8
            numbers.insert(number)
            let target = Markup(
                name: "target", attributes: [("busNr", String(number))],
                children: [Markup(name: "node", text: String(cell))])
            return GuestBuses.controller(
                buses.takeIndex(), model: "pcie-expander-bus", alias: GuestBuses.nodePrefix + String(cell),
                children: [target])
        }
    }
}

extension XMLElement {
    /// The guest's node that an expander bus is on.
    fileprivate var expanderCell: Int? {
        guard self["model"] == "pcie-expander-bus" else { return nil }
        return first("target")?.first("node").flatMap { Int($0.text.filter { !$0.isWhitespace }) }
    }
}

/// What has to be said in a domain's XML for it to be on its devices' nodes.
private struct Alignment {
    private(set) var pins: [Markup] = []
    private(set) var memory: [Markup] = []
    /// The guest's nodes that stand for a device's.
    private(set) var cells: [Int] = []

    init(of placement: DomainPlacement, to devices: [DeviceNode], on host: HostNodes) throws(DomainXMLError) {
        let wanted = NumberSet(Set(devices.map(\.node)))
        if placement.isAutomatic {
            throw .misaligned(
                [
                    Misalignment(
                        part: .vcpus(NumberSet(Set(0..<placement.vcpuCount))), place: .automatic, device: devices[0])
                ])
        }
        if placement.cells.isEmpty {
            if placement.memory == nil {
                memory = [Markup(name: "memory", attributes: [("mode", "strict"), ("nodeset", "\(wanted)")])]
            }
            let conflicts = pin(Array(0..<placement.vcpuCount), of: placement, near: devices[0], to: wanted, on: host)
            let rest = placement.misalignments(of: devices, first: devices[0], on: host).filter {
                $0.part == .memory && $0.isConflict
            }
            guard conflicts.isEmpty, rest.isEmpty else { throw .misaligned(conflicts + rest) }
        } else {
            try alignCells(of: placement, to: devices, on: host)
        }
        let cpus = host.cpus(of: wanted)
        if placement.emulatorPin == nil, !cpus.isEmpty {
            pins.append(Markup(name: "emulatorpin", attributes: [("cpuset", "\(cpus)")]))
        }
    }

    /// Finds for each device's node a guest node: the one that is there by its memory, then by its vCPUs, then the
    /// first that is open.
    private mutating func alignCells(
        of placement: DomainPlacement, to devices: [DeviceNode], on host: HostNodes
    ) throws(DomainXMLError) {
        var open = placement.cells
        var unplaced: [DeviceNode] = []
        var conflicts: [Misalignment] = []
        var chosen: [(cell: DomainPlacement.Cell, device: DeviceNode)] = []
        func take(_ device: DeviceNode, _ fits: (DomainPlacement.Cell) -> Bool) -> Bool {
            guard let index = open.firstIndex(where: fits) else { return false }
            chosen.append((open.remove(at: index), device))
            return true
        }
        for device in devices where !chosen.contains(where: { $0.device.node == device.node }) {
            if !take(device, { placement.nodes(of: $0)?.single == device.node }) { unplaced.append(device) }
        }
        // Memory on several nodes, or on none, is narrowed to one of them.
        func admits(_ cell: DomainPlacement.Cell, _ node: Int) -> Bool {
            cell.memory == nil && placement.memory?.nodes.contains(node) != false
        }
        var unmet: [DeviceNode] = []
        for device in unplaced where !chosen.contains(where: { $0.device.node == device.node }) {
            let near = host.cpus(of: device.node)
            let byCPUs = take(device) { cell in
                admits(cell, device.node)
                    && cell.vcpus.numbers.contains { placement.vcpuPins[$0]?.isSubset(of: near) == true }
            }
            if !byCPUs { unmet.append(device) }
        }
        for device in unmet where !chosen.contains(where: { $0.device.node == device.node }) {
            let near = host.cpus(of: device.node)
            let isFound = take(device) { cell in
                admits(cell, device.node)
                    && cell.vcpus.numbers.allSatisfy { placement.vcpuPins[$0].map { $0.isSubset(of: near) } ?? true }
            }
            if !isFound { conflicts += placement.misalignments(of: [device], first: device, on: host) }
        }
        for (cell, device) in chosen.sorted(by: { $0.cell.id < $1.cell.id }) {
            if placement.nodes(of: cell)?.single != device.node {
                memory.append(
                    Markup(
                        name: "memnode",
                        attributes: [("cellid", "\(cell.id)"), ("mode", "strict"), ("nodeset", "\(device.node)")]))
            }
            conflicts += pin(
                cell.vcpus.numbers.sorted(), of: placement, near: device, to: NumberSet([device.node]), on: host)
            cells.append(cell.id)
        }
        guard conflicts.isEmpty else { throw .misaligned(conflicts) }
    }

    /// Pins vCPUs that are free.
    ///
    /// - Returns: those that are pinned elsewhere.
    private mutating func pin(
        _ vcpus: [Int], of placement: DomainPlacement, near device: DeviceNode, to nodes: NumberSet, on host: HostNodes
    ) -> [Misalignment] {
        let wanted = host.cpus(of: nodes)
        // A node of memory alone has no CPUs to pin to.
        guard !wanted.isEmpty else { return [] }
        var conflicts: [Misalignment] = []
        for id in vcpus {
            let cpus = placement.cpus(ofVCPU: id)
            if let cpus, cpus.isSubset(of: wanted) { continue }
            let allowed = placement.vcpuPins[id] == nil ? cpus?.intersection(wanted) ?? wanted : NumberSet()
            guard !allowed.isEmpty else {
                let there = cpus ?? NumberSet()
                conflicts.append(
                    Misalignment(
                        part: .vcpus(NumberSet([id])), place: .cpus(there, nodes: host.nodes(of: there)),
                        device: device))
                continue
            }
            pins.append(Markup(name: "vcpupin", attributes: [("vcpu", "\(id)"), ("cpuset", "\(allowed)")]))
        }
        return conflicts
    }
}
