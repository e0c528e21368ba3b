// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

extension Domain {
    /// The domain with these devices, aligned to the nodes that they are on.
    ///
    /// - Parameters:
    ///   - nodes: the host's.
    ///   - isRunning: its guest has the memory that it needs, so that what is free now says nothing.
    /// - Throws: `DomainObstacle.tooFewHugepages` and `DomainObstacle.tooLittleMemory` where the alignment binds memory to a
    ///   node that has too little, so that the domain would not start; what ``aligned(to:on:)`` and ``adding(_:)`` throw.
    package func addingAligned(_ devices: [DeviceSpec], on nodes: [NUMANode], isRunning: Bool) throws -> Domain {
        let near = devices.compactMap { device in device.alignedTo.map { DeviceNode(name: device.name, node: $0) } }
        let aligned = try aligned(to: near, on: nodes)
        let placement = try aligned.placement
        // Memory that was bound before was judged when it was bound.
        if placement != (try self.placement) {
            if !isRunning, let short = placement.hugepageShortages(on: nodes).first {
                throw Refusal.domain(
                    name, .tooFewHugepages(shortage: short.description, remedy: short.remedy, mayPass: short.mayPass))
            }
            if let short = placement.memoryShortages(on: nodes).first(where: { !$0.mayPass || !isRunning }) {
                throw Refusal.domain(
                    name,
                    .tooLittleMemory(shortage: short.description, remedy: short.remedy, mayPass: short.mayPass))
            }
        }
        // The guest sees a device on that node of its own whose memory is nearest.
        let host = HostNodes(nodes)
        return try aligned.adding(devices.map { $0.aligned(to: $0.alignedTo.flatMap(host.memoryNode(near:))) })
    }
}
