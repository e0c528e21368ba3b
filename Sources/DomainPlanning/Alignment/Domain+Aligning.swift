// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

extension Domain {
    /// The domain with its vCPUs and memory on its devices' nodes, where its XML leaves them open.
    ///
    /// A guest without nodes of its own gets all of it on the nodes of its devices. A guest with nodes gets one of them
    /// on each device's node, and on q35 an expander bus there, behind which ``Domain/adding(_:)`` puts the devices that
    /// are aligned to it: so the guest sees which node each is on. What the XML says stays, and a `<vcpu cpuset>` is a
    /// limit that is kept; an `<emulatorpin>` may be anywhere, since packets don't pass there. Where a node lacks CPUs or
    /// memory, the nearest that has some stands in. Done twice, nothing changes; removing devices keeps the alignment.
    ///
    /// - Parameters:
    ///   - devices: those whose node is known. They are aligned to before they are added.
    ///   - nodes: the host's.
    /// - Throws: ``MisalignedDomain`` where the XML names another place, with both sides; ``DomainXMLError`` for an XML
    ///   whose placement cannot be read.
    package func aligned(to devices: [DeviceNode], on nodes: [NUMANode]) throws -> Domain {
        guard !devices.isEmpty else { return self }
        return try placing(try Alignment(of: try placement, to: devices, on: HostNodes(nodes)).additions)
    }
}

/// What a domain's XML lacks for the domain to be on its devices' nodes.
private struct Alignment {
    private(set) var additions = PlacementAdditions()

    init(of placement: DomainPlacement, to devices: [DeviceNode], on host: HostNodes) throws(MisalignedDomain) {
        let wanted = NumberSet(Set(devices.map(\.node)))
        if placement.memory?.mode == "restrictive" { additions.memoryMode = "restrictive" }
        if placement.isAutomatic {
            let all = NumberSet(below: placement.vcpuCount)
            throw MisalignedDomain([Misalignment(part: .vcpus(all), place: .automatic, device: devices[0])])
        }
        if placement.cells.isEmpty {
            let near = host.memoryNodes(near: wanted)
            if placement.memory == nil, !near.isEmpty { additions.memory = near }
            let conflicts = pin(Array(0..<placement.vcpuCount), of: placement, near: devices[0], to: wanted, on: host)
            let rest = placement.misalignments(of: devices, first: devices[0], on: host).filter {
                $0.part == .memory && $0.isConflict
            }
            guard conflicts.isEmpty, rest.isEmpty else { throw MisalignedDomain(conflicts + rest) }
        } else {
            try alignCells(of: placement, to: devices, on: host)
        }
        let near = host.cpus(near: wanted)
        let cpus = placement.cpuset.map(near.intersection) ?? near
        // Without CPUs of its own, the emulator runs where the limit allows.
        if placement.emulatorPin == nil, !cpus.isEmpty { additions.emulatorPin = cpus }
    }

    /// Chooses a guest node for each device's node: the one whose memory is there, then one whose vCPUs are there, then
    /// the first that is open.
    private mutating func alignCells(
        of placement: DomainPlacement, to devices: [DeviceNode], on host: HostNodes
    ) throws(MisalignedDomain) {
        var open = placement.cells
        var unplaced: [DeviceNode] = []
        var conflicts: [Misalignment] = []
        var chosen: [(cell: DomainPlacement.Cell, device: DeviceNode)] = []
        func take(_ device: DeviceNode, _ fits: (DomainPlacement.Cell) -> Bool) -> Bool {
            guard let index = open.firstIndex(where: fits) else { return false }
            chosen.append((open.remove(at: index), device))
            return true
        }
        /// Whether none of the cell's vCPUs is pinned elsewhere.
        func mayRun(_ cell: DomainPlacement.Cell, near device: DeviceNode) -> Bool {
            let near = host.cpus(near: device.node)
            return cell.vcpus.numbers.allSatisfy { placement.vcpuPins[$0].map { $0.isSubset(of: near) } ?? true }
        }
        for device in devices where !chosen.contains(where: { $0.device.node == device.node }) {
            let node = host.memoryNode(near: device.node)
            func hasMemoryThere(_ cell: DomainPlacement.Cell) -> Bool {
                node != nil && placement.nodes(of: cell)?.single == node
            }
            let isFound =
                take(device) { hasMemoryThere($0) && mayRun($0, near: device) }
                || node == device.node && take(device, hasMemoryThere)
            if !isFound { unplaced.append(device) }
        }
        // Memory that may be on several nodes is narrowed to one of them.
        func admits(_ cell: DomainPlacement.Cell, _ device: DeviceNode) -> Bool {
            guard let node = host.memoryNode(near: device.node) else { return false }
            return cell.memory == nil && placement.memory?.nodes.contains(node) != false
        }
        var unmet: [DeviceNode] = []
        for device in unplaced where !chosen.contains(where: { $0.device.node == device.node }) {
            let near = host.cpus(near: device.node)
            let byCPUs = take(device) { cell in
                admits(cell, device)
                    && cell.vcpus.numbers.contains { placement.vcpuPins[$0]?.isSubset(of: near) == true }
            }
            if !byCPUs { unmet.append(device) }
        }
        for device in unmet where !chosen.contains(where: { $0.device.node == device.node }) {
            let isFound = take(device) { admits($0, device) && mayRun($0, near: device) }
            if !isFound { conflicts += placement.misalignments(of: [device], first: device, on: host) }
        }
        for (cell, device) in chosen.sorted(by: { $0.cell.id < $1.cell.id }) {
            if let node = host.memoryNode(near: device.node), placement.nodes(of: cell)?.single != node {
                additions.cellMemory.append(.init(cell: cell.id, node: node))
            }
            conflicts += pin(
                cell.vcpus.numbers, of: placement, near: device, to: NumberSet([device.node]), on: host)
            additions.expanderCells.append(cell.id)
        }
        guard conflicts.isEmpty else { throw MisalignedDomain(conflicts) }
    }

    /// Pins vCPUs that the XML leaves open.
    ///
    /// - Returns: those that are pinned elsewhere.
    private mutating func pin(
        _ vcpus: [Int], of placement: DomainPlacement, near device: DeviceNode, to nodes: NumberSet, on host: HostNodes
    ) -> [Misalignment] {
        let wanted = host.cpus(near: nodes)
        // Which CPUs are near is unknown.
        guard !wanted.isEmpty else { return [] }
        var conflicts: [Misalignment] = []
        func refuse(_ id: Int, _ cpus: NumberSet, on nodes: NumberSet) {
            conflicts.append(
                Misalignment(part: .vcpus(NumberSet([id])), place: .cpus(cpus, nodes: nodes), device: device))
        }
        // One limit for thousands of vCPUs.
        let limit = placement.cpuset ?? wanted
        let (isNear, allowed, nodes) = (
            placement.cpuset != nil && limit.isSubset(of: wanted), limit.intersection(wanted), host.nodes(of: limit)
        )
        for id in vcpus {
            if let own = placement.vcpuPins[id] {
                if !own.isSubset(of: wanted) { refuse(id, own, on: host.nodes(of: own)) }
            } else if allowed.isEmpty {
                refuse(id, limit, on: nodes)
            } else if !isNear {
                additions.vcpuPins.append(.init(vcpu: id, cpus: allowed))
            }
        }
        return conflicts
    }
}
