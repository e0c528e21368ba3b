// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel

extension DomainPicture {
    /// Whether the guest is near one device, and how to bring it there.
    package struct AlignmentReport: Sendable {
        package let fit: DeviceAlignment
        /// What does not fit, or is not sure to, with both sides; a line each.
        package let problems: [String]
        package let remedy: String?
    }

    /// By device, whether the guest is near it, as it runs or would run. Without devices whose node is unknown.
    ///
    /// - Parameter nodes: the host's.
    func alignments(on nodes: [NUMANode]) -> [String: AlignmentReport] {
        guard let document = live ?? config else { return [:] }
        let devices = held.compactMap { assignment in
            assignment.numaNode.map { DeviceNode(name: assignment.name, node: $0) }
        }
        var alignments: [String: AlignmentReport] = [:]
        for device in devices {
            // Where the XML cannot be read, libvirt refuses it and says why.
            guard let found = try? document.alignment(of: device, among: devices, on: nodes) else { continue }
            alignments[device.name] = AlignmentReport(
                fit: found,
                problems: found.problems.map(\.description) + Self.problem(ofGuestNode: found.guestNode, device),
                remedy: remedy(for: found, of: device, on: nodes))
        }
        return alignments
    }

    private static func problem(ofGuestNode fit: DeviceAlignment.Fit?, _ device: DeviceNode) -> [String] {
        switch fit {
        case .open?: ["the guest does not see that device '\(device.name)' is on node \(device.node)"]
        case .differs?: ["the guest sees device '\(device.name)' on another node than \(device.node)"]
        case .fits?, nil: []
        }
    }

    private func remedy(for found: DeviceAlignment, of device: DeviceNode, on nodes: [NUMANode]) -> String? {
        let request = try? main?.request
        let later = live == nil ? "" : ", for its next start"
        if found.problems.contains(where: { $0.place == .automatic }) {
            return "virsh edit \(name): remove placement='auto', and write align='auto' in its request\(later)"
        }
        guard let request, !found.problems.contains(where: \.isConflict) else {
            if found.problems.isEmpty {
                return found.isSeenRightly ? nil : "virsh edit \(name): put it behind an expander bus of its node"
            }
            let cpus = nodes.first { $0.id == device.node }?.cpus ?? ""
            let pins = cpus.isEmpty ? "" : "pin its vCPUs to CPUs \(cpus) and "
            return
                "virsh edit \(name): \(pins)bind its memory to node \(device.node), or claim on the node where they are\(later)"
        }
        let asking = request.align == .auto ? "" : "write align='auto' in its request, then "
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
