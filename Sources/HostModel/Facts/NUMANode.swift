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
    /// The processor packages of its CPUs, in order: the sockets. Empty for a node without CPUs; nil if the kernel does not
    /// say. Source: `cpu/cpuN/topology/physical_package_id`.
    public let packages: [Int]?

    /// Source: `node/nodeN/meminfo`.
    public struct Memory: Hashable, Sendable, Codable {
        /// nil if unknown. Source: `MemTotal`.
        public let totalBytes: Int?
        /// nil if unknown. Source: `MemFree`.
        public let freeBytes: Int?
        /// Free, or held by caches that the kernel can drop: the most that a guest could get. nil if the kernel does not
        /// say what the caches hold.
        public let availableBytes: Int?

        public init(totalBytes: Int?, freeBytes: Int?, availableBytes: Int? = nil) {
            self.totalBytes = totalBytes
            self.freeBytes = freeBytes
            self.availableBytes = availableBytes
        }
    }

    /// The huge pages of one size. Source: `node/nodeN/hugepages/hugepages-*kB`.
    public struct Hugepages: Hashable, Sendable, Codable {
        public let pageSizeBytes: Int
        /// nil if unknown. Source: `nr_hugepages`.
        public let total: Int?
        /// nil if unknown. Source: `free_hugepages`.
        public let free: Int?
        /// Whether a program that names no size gets this one; nil if the kernel does not say. Source: `Hugepagesize` of
        /// `meminfo`, proc(5).
        public let isDefault: Bool?

        public init(pageSizeBytes: Int, total: Int?, free: Int?, isDefault: Bool? = nil) {
            self.pageSizeBytes = pageSizeBytes
            self.total = total
            self.free = free
            self.isDefault = isDefault
        }
    }

    public init(
        id: Int, cpus: String?, distances: [Int]?, memory: Memory?, hugepages: [Hugepages], packages: [Int]? = nil
    ) {
        self.id = id
        self.cpus = cpus
        self.distances = distances
        self.memory = memory
        self.hugepages = hugepages
        self.packages = packages
    }

    /// A node whose CPUs are unknown counts as one with CPUs.
    public var hasCPUs: Bool { cpus?.isEmpty != true }

    /// Whether memory can be had on it; a node whose memory is unknown counts as one with memory.
    public var hasMemory: Bool { memory?.totalBytes != 0 }
}

/// An unknown fact is written as null and never omitted.
extension NUMANode.Memory {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(totalBytes, forKey: .totalBytes)
        try container.encode(freeBytes, forKey: .freeBytes)
        try container.encode(availableBytes, forKey: .availableBytes)
    }
}

extension NUMANode.Hugepages {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(pageSizeBytes, forKey: .pageSizeBytes)
        try container.encode(total, forKey: .total)
        try container.encode(free, forKey: .free)
        try container.encode(isDefault, forKey: .isDefault)
    }
}
