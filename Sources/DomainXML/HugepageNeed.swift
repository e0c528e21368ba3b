// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// Memory of a domain that huge pages of the host hold.
public struct HugepageNeed: Hashable, Sendable {
    /// nil is the host's default size.
    public let pageSizeBytes: Int?
    public let bytes: Int
    /// The guest's node; nil for a guest without nodes.
    public let cell: Int?
    /// The host nodes that they have to be free on; nil when they may be anywhere.
    public let nodes: NumberSet?
}

/// Huge pages that are not there: the domain would not start.
public struct HugepageShortage: Hashable, Sendable {
    public let pageSizeBytes: Int
    public let neededPages: Int
    public let freePages: Int
    /// nil when they may be anywhere.
    public let nodes: NumberSet?

    /// What to write where, for the first of the nodes.
    public var remedy: String {
        let place = nodes?.numbers.min().map { "node/node\($0)" } ?? "mm"
        return
            "reserve \(neededPages - freePages) more: …/\(place)/hugepages/hugepages-\(pageSizeBytes >> 10)kB/nr_hugepages"
    }
}

extension HugepageShortage: CustomStringConvertible {
    public var description: String {
        let place = nodes.map { $0.single == nil ? " on nodes \($0)" : " on node \($0)" } ?? ""
        return "\(neededPages) huge pages of \(pageSizeBytes >> 10) KiB are needed\(place), \(freePages) are free"
    }
}

extension DomainPlacement {
    /// The huge pages that the domain needs and the host has not got free; to be asked of a domain that is not running.
    ///
    /// Needs of one size on the same nodes are counted together. A size that is not said is the host's default, the
    /// smallest that it has. Memory that prefers a node, and is not bound to it, is counted as if it were: what it
    /// finds elsewhere is not near its devices.
    public func hugepageShortages(on nodes: [NUMANode]) -> [HugepageShortage] {
        let smallest = nodes.flatMap(\.hugepages).map(\.pageSizeBytes).min() ?? 2 << 20
        var pages: [Supply: Int] = [:]
        for need in hugepages {
            let size = need.pageSizeBytes ?? smallest
            guard size > 0 else { continue }
            pages[Supply(size: size, nodes: need.nodes), default: 0] += (need.bytes + size - 1) / size
        }
        return pages.compactMap { supply, needed in
            let free = nodes.filter { supply.nodes?.contains($0.id) != false }.flatMap(\.hugepages)
                .filter { $0.pageSizeBytes == supply.size }.map(\.free).reduce(0, +)
            return free >= needed
                ? nil
                : HugepageShortage(
                    pageSizeBytes: supply.size, neededPages: needed, freePages: free, nodes: supply.nodes)
        }.sorted { ($0.pageSizeBytes, $0.nodes?.description ?? "") < ($1.pageSizeBytes, $1.nodes?.description ?? "") }
    }

    private struct Supply: Hashable {
        let size: Int
        let nodes: NumberSet?
    }
}
