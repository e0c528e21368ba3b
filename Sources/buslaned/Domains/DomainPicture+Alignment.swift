// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import DomainXML
import HostModel

extension DomainPicture {
    /// By device, whether the guest is near it, as it runs or would run. Without those whose node nobody knows.
    ///
    /// - Parameter nodes: the host's.
    func alignments(on nodes: [NUMANode]) -> [String: DomainReport.Alignment] {
        guard let document = live ?? config else { return [:] }
        let devices = held.compactMap { assignment in
            assignment.numaNode.map { DeviceNode(name: assignment.name, node: $0) }
        }
        var alignments: [String: DomainReport.Alignment] = [:]
        for device in devices {
            // An XML of which this cannot be read is libvirt's to refuse.
            guard let found = try? document.alignment(of: device, among: devices, on: nodes) else { continue }
            alignments[device.name] = DomainReport.Alignment(
                vcpus: found.vcpus?.rawValue, memory: found.memory.rawValue, guestNode: found.guestNode?.rawValue,
                problems: found.problems.map(\.description) + Self.problem(ofGuestNode: found.guestNode, device),
                remedy: remedy(for: found, of: device, on: nodes))
        }
        return alignments
    }

    private static func problem(ofGuestNode fit: DeviceAlignment.Fit?, _ device: DeviceNode) -> [String] {
        switch fit {
        case .open?: ["the guest is not told that device '\(device.name)' is on node \(device.node)"]
        case .differs?: ["the guest sees device '\(device.name)' on another node than \(device.node)"]
        case .fits?, nil: []
        }
    }

    private func remedy(for found: DeviceAlignment, of device: DeviceNode, on nodes: [NUMANode]) -> String? {
        let request = try? main?.request
        let later = live == nil ? "" : ", for its next start"
        if found.problems.contains(where: { $0.place == .automatic }) {
            return "virsh edit \(name): take placement='auto' out, and have its request say align='auto'\(later)"
        }
        guard let request, !found.problems.contains(where: \.isConflict) else {
            if found.problems.isEmpty {
                return found.isSeenRightly ? nil : "virsh edit \(name): put it behind an expander bus of its node"
            }
            let cpus = nodes.first { $0.id == device.node }?.cpus ?? ""
            let pins = cpus.isEmpty ? "" : "pin its vCPUs to CPUs \(cpus) and "
            return "virsh edit \(name): \(pins)bind its memory to node \(device.node), or claim where they are\(later)"
        }
        let asking = request.align == .auto ? "" : "have its request say align='auto', then "
        if !found.problems.isEmpty {
            let verb = request.binding == .running ? "start" : "sync"
            return asking + "buslane domain \(verb) \(name)\(later)"
        }
        if found.isSeenRightly { return nil }
        let which = "\(name) --config --device \(device.name)"
        return asking + "buslane domain detach \(which) and buslane domain attach \(which)\(later)"
    }
}

extension DeviceAlignment {
    fileprivate var isSeenRightly: Bool { guestNode == .fits || guestNode == nil }
}
