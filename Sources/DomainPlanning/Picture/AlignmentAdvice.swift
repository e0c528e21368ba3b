// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel

/// Whether a guest is near one of its devices, and how to bring it there.
package struct AlignmentAdvice: Sendable {
    package let fit: DeviceAlignment
    /// What does not fit, or is not sure to, with both sides; a line each.
    package let problems: [String]
    package let remedy: String?

    /// By device, whether the guest is near it, as it runs or would run. Without devices whose node is unknown.
    ///
    /// - Parameter nodes: the host's.
    static func byDevice(of picture: DomainPicture, on nodes: [NUMANode]) -> [String: AlignmentAdvice] {
        guard let document = picture.live ?? picture.config else { return [:] }
        let devices = picture.held.compactMap { assignment in
            assignment.numaNode.map { DeviceNode(name: assignment.name, node: $0) }
        }
        var advice: [String: AlignmentAdvice] = [:]
        for device in devices {
            // Where the XML cannot be read, libvirt refuses it and says why.
            guard let found = try? DeviceAlignment(of: device, among: devices, in: document, on: nodes) else {
                continue
            }
            advice[device.name] = AlignmentAdvice(on: found, of: device, in: picture, on: nodes)
        }
        return advice
    }

    private init(on found: DeviceAlignment, of device: DeviceNode, in picture: DomainPicture, on nodes: [NUMANode]) {
        fit = found
        problems = found.problems.map(\.description) + Self.problem(ofGuestNode: found.guestNode, device)
        remedy = Self.remedy(for: found, of: device, in: picture, on: nodes)
    }

    private static func problem(ofGuestNode fit: DeviceAlignment.Fit?, _ device: DeviceNode) -> [String] {
        switch fit {
        case .open?: ["the guest does not see that device '\(device.name)' is on node \(device.node)"]
        case .differs?: ["the guest sees device '\(device.name)' on another node than \(device.node)"]
        case .fits?, nil: []
        }
    }

    private static func remedy(
        for found: DeviceAlignment, of device: DeviceNode, in picture: DomainPicture, on nodes: [NUMANode]
    ) -> String? {
        let name = picture.name.shellWord
        let request = try? picture.main?.request
        let later = picture.live == nil ? "" : ", for its next start"
        if found.problems.contains(where: { $0.place == .automatic }) {
            return "virsh edit \(name): remove placement='auto', and write align='auto' in its request\(later)"
        }
        guard let request, !found.problems.contains(where: \.isConflict) else {
            if found.problems.isEmpty {
                return found.isSeenRightly ? nil : "virsh edit \(name): put it behind an expander bus of its node"
            }
            let host = HostNodes(nodes)
            let cpus = host.cpus(near: device.node)
            let pins = cpus.isEmpty ? "" : "pin its vCPUs to CPUs \(cpus) and "
            let memory = host.memoryNode(near: device.node) ?? device.node
            return
                "virsh edit \(name): \(pins)bind its memory to node \(memory), or claim on the node where they are\(later)"
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
