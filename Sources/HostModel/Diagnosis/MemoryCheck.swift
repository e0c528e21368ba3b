// SPDX-License-Identifier: GPL-3.0-or-later

/// The memory of guests with devices: all of it is locked, and huge pages are better.
struct MemoryCheck {
    let host: HostSnapshot
    let libvirt: PlatformFacts.Libvirt

    var findings: [Finding] { lockedMemory() + hugepages() }

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
                    remedy: "sysctl -w vm.nr_hugepages=N (2 MiB each), or boot with default_hugepagesz=1G hugepages=N; "
                        + "in the domain: <memoryBacking><hugepages/></memoryBacking>")
            ]
        }
        let bare = Set(host.functions.filter { $0.sriov != nil }.compactMap(\.numaNode))
            .subtracting(stocked.map(\.id)).sorted()
        return bare.map { node in
            Finding(
                .warning, "no-hugepages-on-node", subject: "node \(node)",
                "NUMA node \(node) has SR-IOV cards but no huge pages; node \(stocked.map(\.id).listed) has some",
                why: "a guest on the node of its card gets huge pages of another node, or does not start",
                remedy: "numactl -m \(node) sysctl -w vm.nr_hugepages_mempolicy=N, or boot with hugepages=\(node):N")
        }
    }

    private static func size(_ bytes: Int) -> String {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
        guard let (unit, name) = units.first(where: { bytes >= $0.0 }) else { return "\(bytes) bytes" }
        return "\(bytes / unit) \(name)"
    }
}
