// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

/// Huge pages that a domain needs and the host has not free: the domain would not start.
package struct HugepageShortage: Hashable, Sendable {
    package let pageSizeBytes: Int
    package let neededPages: Int
    package let freePages: Int
    /// Free or not.
    package let totalPages: Int
    /// nil when they may be anywhere.
    package let nodes: NumberSet?

    /// Whether it ends when others release huge pages.
    package var mayPass: Bool { neededPages <= totalPages }

    /// What to write where, for the first of the nodes.
    package var remedy: String {
        let place = nodes?.numbers.min().map { "node/node\($0)" } ?? "mm"
        return (mayPass ? "stop a guest that has some, or " : "")
            + "reserve \(neededPages - freePages) more: …/\(place)/hugepages/hugepages-\(pageSizeBytes >> 10)kB/nr_hugepages"
    }
}

extension HugepageShortage: CustomStringConvertible {
    package var description: String {
        let place = nodes.map { $0.single == nil ? " on nodes \($0)" : " on node \($0)" } ?? ""
        return "\(neededPages) huge pages of \(pageSizeBytes >> 10) KiB are needed\(place), \(freePages) are free"
    }
}

extension DomainPlacement {
    /// The huge pages that the domain needs and the host has not free; only meaningful for a domain that is not running.
    ///
    /// Needs of one size on the same nodes are added up. A size that the XML leaves out is the host's default. Memory that
    /// only prefers a node counts as bound to it: pages elsewhere are not near the domain's devices. Pages of a size that
    /// is not known, and those of which it is not known how many are free, are not judged.
    package func hugepageShortages(on nodes: [NUMANode]) -> [HugepageShortage] {
        let pools = nodes.flatMap(\.hugepages)
        var pages: [Supply: Int] = [:]
        for need in memoryNeeds {
            guard case .huge(let named) = need.pages, let size = named ?? pools.defaultSize, size > 0,
                !pools.isBasePage(size)
            else { continue }
            let supply = Supply(size: size, nodes: need.nodes)
            let count = need.bytes / size + (need.bytes % size == 0 ? 0 : 1)
            pages[supply] = (pages[supply] ?? 0).addingUpToMax(count)
        }
        return pages.compactMap { supply, needed in
            let there = nodes.filter { supply.nodes?.contains($0.id) != false }.flatMap(\.hugepages)
                .filter { $0.pageSizeBytes == supply.size }
            let free = there.compactMap(\.free)
            guard free.count == there.count, free.reduce(0, +) < needed else { return nil }
            return HugepageShortage(
                pageSizeBytes: supply.size, neededPages: needed, freePages: free.reduce(0, +),
                totalPages: there.compactMap(\.total).reduce(0, +), nodes: supply.nodes)
        }.sorted { ($0.pageSizeBytes, $0.nodes?.description ?? "") < ($1.pageSizeBytes, $1.nodes?.description ?? "") }
    }

    private struct Supply: Hashable {
        let size: Int
        let nodes: NumberSet?
    }
}

extension [NUMANode.Hugepages] {
    /// The size of pages for which no size is named; nil where the kernel does not say and there are several.
    fileprivate var defaultSize: Int? {
        let sizes = Set(map(\.pageSizeBytes))
        return first { $0.isDefault == true }?.pageSizeBytes ?? (sizes.count == 1 ? sizes.first : nil)
    }

    /// Whether pages of this size are the ordinary ones: libvirt takes the base page size as "no huge pages". It is 4, 16
    /// or 64 KiB.
    fileprivate func isBasePage(_ size: Int) -> Bool { size <= 64 << 10 && !contains { $0.pageSizeBytes == size } }
}
