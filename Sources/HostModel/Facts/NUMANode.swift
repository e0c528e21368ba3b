// SPDX-License-Identifier: GPL-3.0-or-later

/// One NUMA node of the host.
public struct NUMANode: Hashable, Sendable, Codable {
    public let id: Int
    /// CPUs in the kernel's list form, `0-31,64-95`; empty for a node of memory alone. Source: `node/nodeN/cpulist`.
    public let cpus: String
    /// Relative cost of reaching each node, in node order, 10 meaning local. Source: `node/nodeN/distance`.
    public let distances: [Int]
    /// nil when `meminfo` could not be read.
    public let memory: Memory?
    public let hugepages: [Hugepages]

    /// Source: `node/nodeN/meminfo`.
    public struct Memory: Hashable, Sendable, Codable {
        public let totalBytes: Int
        public let freeBytes: Int

        public init(totalBytes: Int, freeBytes: Int) {
            self.totalBytes = totalBytes
            self.freeBytes = freeBytes
        }
    }

    /// One page size's pool. Source: `node/nodeN/hugepages/hugepages-*kB`.
    public struct Hugepages: Hashable, Sendable, Codable {
        public let pageSizeBytes: Int
        public let total: Int
        public let free: Int

        public init(pageSizeBytes: Int, total: Int, free: Int) {
            self.pageSizeBytes = pageSizeBytes
            self.total = total
            self.free = free
        }
    }

    public init(id: Int, cpus: String, distances: [Int], memory: Memory?, hugepages: [Hugepages]) {
        self.id = id
        self.cpus = cpus
        self.distances = distances
        self.memory = memory
        self.hugepages = hugepages
    }
}
