// SPDX-License-Identifier: GPL-3.0-or-later

/// The memory of guests with devices: all of it is locked, and huge pages are better.
struct MemoryCheck {
    let host: HostSnapshot
    let libvirt: PlatformFacts.Libvirt

    var findings: [Finding] { lockedMemory() + hugepages() + nodesWithoutMemory() }

    /// All memory of a guest with a device is locked. libvirt raises QEMU's limit if it may.
    private func lockedMemory() -> [Finding] {
        guard let process = libvirt.process, !process.mayRaiseLimits, let limit = process.lockedMemoryLimit
        else { return [] }
        let program = libvirt.program ?? "libvirtd"
        // No useful guest with a device has less memory than this.
        let isHopeless = limit < 256 << 20
        return [
            Finding(
                isHopeless ? .blocker : .warning, "memlock-too-small", subject: program,
                "\(program) (pid \(process.pid)) may lock \(Self.size(limit)) of memory and cannot raise this limit",
                why: "all memory of a guest with a device is locked: "
                    + (isHopeless ? "no such guest can start" : "larger guests cannot start"),
                remedy: "systemctl edit \(program): [Service] LimitMEMLOCK=infinity, then systemctl restart \(program)")
        ]
    }

    private func hugepages() -> [Finding] {
        guard !host.numaNodes.isEmpty else { return [] }
        let stocked = host.numaNodes.filter { $0.hugepages.contains { $0.total != 0 } }
        guard !stocked.isEmpty else {
            return [
                Finding(
                    .advice, "no-hugepages", "no huge pages are reserved",
                    why:
                        "a guest's memory is mapped page by page for its devices: starts are slow, and the IOMMU's TLB misses "
                        + "often under load",
                    remedy: "sysctl -w vm.nr_hugepages=N\(sizeOfOne), or boot with \(bootOption); "
                        + "in the domain: <memoryBacking><hugepages/></memoryBacking>")
            ]
        }
        // A node without memory can have no huge pages.
        let bare = nodesOfCards.filter { node in node.hasMemory && !stocked.contains { $0.id == node.id } }
        return bare.map(\.id).map { node in
            Finding(
                .warning, "no-hugepages-on-node", subject: "node \(node)",
                "NUMA node \(node) has SR-IOV cards but no huge pages; node \(stocked.map(\.id).listed) has some",
                why: "a guest on the node of its card gets huge pages of another node, or does not start",
                remedy: "numactl -m \(node) sysctl -w vm.nr_hugepages_mempolicy=N, or boot with hugepages=\(node):N")
        }
    }

    private func nodesWithoutMemory() -> [Finding] {
        let distances = NUMADistances(between: host.numaNodes)
        return nodesOfCards.filter { !$0.hasMemory }.map { node in
            let nearest = distances.nearest(to: node.id, where: \.hasMemory)
            return Finding(
                .advice, "no-memory-on-node", subject: "node \(node.id)",
                "NUMA node \(node.id) has SR-IOV cards but no memory",
                why: "a guest with their devices has its memory on "
                    + (nearest.map { "node \($0.id), the nearest that has some" } ?? "another node")
                    + ": each packet crosses between the nodes",
                remedy: "move the cards to slots of a node with memory, or put memory into the slots of node \(node.id)"
            )
        }
    }

    private var nodesOfCards: [NUMANode] {
        let ids = Set(host.functions.filter { $0.sriov != nil }.compactMap(\.numaNode))
        return host.numaNodes.filter { ids.contains($0.id) }
    }

    /// ` (2 MiB each)`; empty where the kernel does not say which size is the default.
    private var sizeOfOne: String {
        let pages = host.numaNodes.lazy.flatMap(\.hugepages).first { $0.isDefault == true }
        return pages.map { " (\(Self.size($0.pageSizeBytes)) each)" } ?? ""
    }

    /// Not every processor and base page size has pages of 1 GiB.
    private var bootOption: String {
        host.numaNodes.contains { $0.hugepages.contains { $0.pageSizeBytes == 1 << 30 } }
            ? "default_hugepagesz=1G hugepages=N" : "hugepages=N"
    }

    private static func size(_ bytes: Int) -> String {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
        guard let (unit, name) = units.first(where: { bytes >= $0.0 }) else { return "\(bytes) bytes" }
        return "\(bytes / unit) \(name)"
    }
}
