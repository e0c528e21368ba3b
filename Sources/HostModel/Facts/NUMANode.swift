// SPDX-License-Identifier: GPL-3.0-or-later

/// One NUMA node of the host.
public struct NUMANode: Hashable, Sendable, Codable {
    public let id: Int
    /// CPUs in the kernel's list format, `0-31,64-95`; empty for a node without CPUs; nil if unknown.
    /// Source: `node/nodeN/cpulist`.
    public let cpus: String?
    /// Relative distance to each node, in node order; 10 is local; nil if unknown. Source: `node/nodeN/distance`.
    public let distances: [Int]?
    /// nil if `meminfo` could not be read.
    public let memory: Memory?
    public let hugepages: [Hugepages]

    /// Source: `node/nodeN/meminfo`.
    public struct Memory: Hashable, Sendable, Codable {
        /// nil if unknown. Source: `MemTotal`.
        public let totalBytes: Int?
        /// nil if unknown. Source: `MemFree`.
        public let freeBytes: Int?

        public init(totalBytes: Int?, freeBytes: Int?) {
            self.totalBytes = totalBytes
            self.freeBytes = freeBytes
        }
    }

    /// The huge pages of one size. Source: `node/nodeN/hugepages/hugepages-*kB`.
    public struct Hugepages: Hashable, Sendable, Codable {
        public let pageSizeBytes: Int
        /// nil if unknown. Source: `nr_hugepages`.
        public let total: Int?
        /// nil if unknown. Source: `free_hugepages`.
        public let free: Int?

        public init(pageSizeBytes: Int, total: Int?, free: Int?) {
            self.pageSizeBytes = pageSizeBytes
            self.total = total
            self.free = free
        }
    }

    public init(id: Int, cpus: String?, distances: [Int]?, memory: Memory?, hugepages: [Hugepages]) {
        self.id = id
        self.cpus = cpus
        self.distances = distances
        self.memory = memory
        self.hugepages = hugepages
    }
}
