// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

extension Domain {
    /// The domain with these devices, aligned to the nodes that they are on.
    ///
    /// - Parameter nodes: the host's.
    /// - Throws: `DomainObstacle.tooFewHugepages` where the alignment binds memory to a node that has too few free huge
    ///   pages, so that the domain would not start; what ``aligned(to:on:)`` and ``adding(_:)`` throw.
    package func addingAligned(_ devices: [DeviceSpec], on nodes: [NUMANode]) throws -> Domain {
        let near = devices.compactMap { device in device.alignedTo.map { DeviceNode(name: device.name, node: $0) } }
        let aligned = try aligned(to: near, on: nodes)
        let placement = try aligned.placement
        // Memory that was bound before was judged when it was bound.
        if placement != (try self.placement), let short = placement.hugepageShortages(on: nodes).first {
            throw Refusal.domain(name, .tooFewHugepages(shortage: short.description, remedy: short.remedy))
        }
        return try aligned.adding(devices)
    }
}
