// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

/// Ordinary memory that a domain needs on some of the host's nodes and cannot get there: with devices all of it is taken
/// at the start, and the domain would not start.
package struct MemoryShortage: Hashable, Sendable {
    package let neededBytes: Int
    /// Free, or held by caches that the kernel can drop.
    package let availableBytes: Int
    /// All memory of the nodes that is not reserved for huge pages.
    package let totalBytes: Int
    package let nodes: NumberSet

    /// Whether it ends when others release memory.
    package var mayPass: Bool { neededBytes <= totalBytes }

    package var remedy: String {
        mayPass
            ? "stop or move what uses memory there (numastat -m shows it), or give the guest less memory"
            : "give the guest at most \(Self.size(totalBytes)) of memory there, or take align='auto' out of its request"
    }

    private static func size(_ bytes: Int) -> String {
        bytes >= 10 << 30 || bytes % (1 << 30) == 0 ? "\(bytes >> 30) GiB" : "\(bytes >> 20) MiB"
    }
}

extension MemoryShortage: CustomStringConvertible {
    package var description: String {
        let place = nodes.single == nil ? "nodes \(nodes)" : "node \(nodes)"
        let supply =
            mayPass
            ? "\(Self.size(availableBytes)) are available"
            : "\(nodes.single == nil ? "these have" : "that node has") \(Self.size(totalBytes)) besides huge pages"
        return "\(Self.size(neededBytes)) of memory are needed on \(place), \(supply)"
    }
}

extension DomainPlacement {
    /// The ordinary memory that the domain needs on certain nodes and they have not; only where it is known what they have.
    ///
    /// Needs on the same nodes are added up. Memory that only prefers its nodes comes from others too.
    package func memoryShortages(on nodes: [NUMANode]) -> [MemoryShortage] {
        var needed: [NumberSet: Int] = [:]
        for need in memoryNeeds where need.pages == .ordinary && !need.mayOverflow {
            if let place = need.nodes { needed[place, default: 0] = (needed[place] ?? 0).addingUpToMax(need.bytes) }
        }
        return needed.compactMap { place, bytes in
            let there = nodes.filter { place.contains($0.id) }
            let totals = there.compactMap { $0.memory?.totalBytes }
            let rests = there.compactMap { $0.memory?.availableBytes ?? $0.memory?.freeBytes }
            let pools = there.flatMap(\.hugepages)
            let reserves = pools.compactMap { pool in pool.total.map { $0 * pool.pageSizeBytes } }
            guard !there.isEmpty, totals.count == there.count, rests.count == there.count, reserves.count == pools.count
            else { return nil }
            let total = max(totals.reduce(0, +) - reserves.reduce(0, +), 0)
            let available = min(rests.reduce(0, +), total)
            return bytes <= available
                ? nil
                : MemoryShortage(neededBytes: bytes, availableBytes: available, totalBytes: total, nodes: place)
        }.sorted { $0.nodes.description < $1.nodes.description }
    }
}

extension Int {
    /// The sum, or the greatest number if the sum is above it: an XML can name any amounts.
    func addingUpToMax(_ other: Int) -> Int {
        let (sum, isTooLarge) = addingReportingOverflow(other)
        return isTooLarge ? .max : sum
    }
}
