// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

/// A device and the host's node that it is on.
package struct DeviceNode: Hashable, Sendable {
    package let name: String
    package let node: Int

    package init(name: String, node: Int) {
        self.name = name
        self.node = node
    }
}

/// A part of a domain that is not on the node of one of its devices, or is not sure to be.
package struct Misalignment: Hashable, Sendable {
    package enum Part: Hashable, Sendable {
        case vcpus(NumberSet)
        case memory
        /// The memory of one of the guest's nodes.
        case cellMemory(Int)
    }

    package enum Where: Hashable, Sendable {
        /// Pinned to these CPUs of the host, which are on these nodes.
        case cpus(NumberSet, nodes: NumberSet)
        case nodes(NumberSet)
        /// The XML leaves it open.
        case anywhere
        /// numad decides at each start.
        case automatic
    }

    package let part: Part
    package let place: Where
    package let device: DeviceNode

    package init(part: Part, place: Where, device: DeviceNode) {
        self.part = part
        self.place = place
        self.device = device
    }

    /// Whether the XML names another place than the device's node. Otherwise it names none, and the caller decides.
    package var isConflict: Bool {
        switch place {
        case .cpus, .nodes: true
        case .anywhere, .automatic: false
        }
    }
}

extension Misalignment: CustomStringConvertible {
    /// Both sides: `vCPU 0 is pinned to CPUs 0-3 (node 0), device 'data0' is on node 1`.
    package var description: String {
        func plural(_ set: NumberSet, _ word: String) -> String { set.single == nil ? word + "s" : word }
        let isMany: Bool
        let subject: String
        switch part {
        case .vcpus(let set):
            isMany = set.single == nil
            subject = "\(plural(set, "vCPU")) \(set)"
        case .memory:
            isMany = false
            subject = "the domain's memory"
        case .cellMemory(let cell):
            isMany = false
            subject = "the memory of the guest's node \(cell)"
        }
        let verb = isMany ? "are" : "is"
        let what =
            switch place {
            case .cpus(let cpus, let nodes):
                "\(verb) pinned to \(plural(cpus, "CPU")) \(cpus.description.shortened) (\(plural(nodes, "node")) \(nodes))"
            case .nodes(let nodes): "\(verb) bound to \(plural(nodes, "node")) \(nodes)"
            case .anywhere: part.isMemory ? "\(verb) bound to no node" : "\(verb) pinned to no CPUs"
            case .automatic: "\(verb) placed by numad (placement='auto')"
            }
        return "\(subject) \(what), device '\(device.name)' is on node \(device.node)"
    }
}

extension Misalignment.Part {
    var isMemory: Bool {
        if case .vcpus = self { false } else { true }
    }
}

extension DomainPlacement {
    /// The parts of the domain that are not, or not surely, on its devices' nodes; none when everything is.
    ///
    /// A guest without nodes has all its vCPUs and memory on the nodes that its devices are on, and some near each
    /// device. A guest with nodes has for each device one that is on the device's node, vCPUs and memory; its
    /// others may be anywhere. Where a node lacks CPUs or memory, the nearest that has some stands in.
    ///
    /// - Parameters:
    ///   - devices: those whose node is known.
    ///   - nodes: the host's.
    package func misalignments(of devices: [DeviceNode], on nodes: [NUMANode]) -> [Misalignment] {
        guard let first = devices.first else { return [] }
        let host = HostNodes(nodes)
        return misalignments(of: devices, first: first, on: host)
    }

    func misalignments(of devices: [DeviceNode], first: DeviceNode, on host: HostNodes) -> [Misalignment] {
        if !cells.isEmpty { return devices.flatMap { misalignments(ofGuestNodesWith: $0, on: host) } }

        let wanted = NumberSet(Set(devices.map(\.node)))
        var found: [Misalignment] = []
        found += misalignments(
            of: NumberSet(below: vcpuCount), with: first, within: host.cpus(near: wanted), on: host)
        if let memory {
            if !memory.nodes.isSubset(of: wanted.union(host.memoryNodes(near: wanted))) {
                found.append(Misalignment(part: .memory, place: .nodes(memory.nodes), device: first))
            }
        } else {
            found.append(Misalignment(part: .memory, place: isAutomatic ? .automatic : .anywhere, device: first))
        }
        guard found.isEmpty else { return found }
        // Everything is on the devices' nodes; a node without any vCPU is still a problem.
        let pins = vcpuPins.filter { (0..<vcpuCount).contains($0.key) }
        let limit = pins.count < vcpuCount ? cpuset ?? NumberSet() : NumberSet()
        let all = pins.values.reduce(limit) { $0.union($1) }
        for device in devices
        where !host.cpus(near: device.node).isEmpty && host.cpus(near: device.node).isDisjoint(with: all) {
            found.append(
                Misalignment(
                    part: .vcpus(NumberSet(below: vcpuCount)), place: .cpus(all, nodes: host.nodes(of: all)),
                    device: device))
        }
        return found
    }

    private func misalignments(ofGuestNodesWith device: DeviceNode, on host: HostNodes) -> [Misalignment] {
        // Where another node's memory stands in, several cells can have it: one of them is enough.
        let node = host.memoryNode(near: device.node)
        let near = cells.filter { node != nil && nodes(of: $0)?.single == node }.map { cell in
            misalignments(of: cell.vcpus, with: device, within: host.cpus(near: device.node), on: host)
        }
        guard let best = near.first(where: \.isEmpty) ?? near.first else {
            return cells.map { cell in
                let place: Misalignment.Where =
                    nodes(of: cell).map { .nodes($0) } ?? (isAutomatic ? .automatic : .anywhere)
                return Misalignment(part: .cellMemory(cell.id), place: place, device: device)
            }
        }
        return best
    }

    private func misalignments(
        of vcpus: NumberSet, with device: DeviceNode, within wanted: NumberSet, on host: HostNodes
    ) -> [Misalignment] {
        /// Where CPUs are that are not near; nil for CPUs that are, and where which are near is unknown.
        func elsewhere(_ cpus: NumberSet) -> Misalignment.Where? {
            wanted.isEmpty || cpus.isSubset(of: wanted) ? nil : .cpus(cpus, nodes: host.nodes(of: cpus))
        }
        // One set for thousands of vCPUs.
        let limit = cpuset.flatMap(elsewhere)
        var found: [Misalignment] = []
        var open: [Int] = []
        for id in vcpus.numbers {
            if vcpuPins[id] == nil, cpuset == nil {
                open.append(id)
            } else if let place = vcpuPins[id].map(elsewhere) ?? limit {
                found.append(Misalignment(part: .vcpus(NumberSet([id])), place: place, device: device))
            }
        }
        if !open.isEmpty {
            found.append(
                Misalignment(
                    part: .vcpus(NumberSet(open)), place: isAutomatic ? .automatic : .anywhere, device: device))
        }
        return found
    }
}
