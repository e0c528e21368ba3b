// SPDX-License-Identifier: GPL-3.0-or-later

extension Examination {
    /// The driver that claimed functions are bound to.
    func modules() -> [Finding] {
        // A function that is bound to a VFIO driver proves that the module is loaded.
        let state = host.functions.contains(where: \.isOnVFIO) ? .loaded : platform.vfio
        switch state {
        case nil: return []
        case .loaded: return [Finding(.ok, "vfio-loaded", "vfio-pci is loaded")]
        case .available:
            return [
                Finding(
                    .blocker, "vfio-not-loaded", subject: VFIO.genericDriver, "vfio-pci is not loaded",
                    why: "no function can be bound to it, and the kernel does not load it automatically",
                    remedy: "modprobe vfio-pci, and for the next boot: "
                        + "echo vfio-pci > /etc/modules-load.d/vfio-pci.conf")
            ]
        case .missing:
            let kernel = host.host.kernel.map { " \($0)" } ?? ""
            return [
                Finding(
                    .blocker, "vfio-missing", subject: VFIO.genericDriver,
                    "the running kernel\(kernel) has no vfio-pci",
                    why: "without it no guest can have a function",
                    remedy: "boot a kernel with CONFIG_VFIO_PCI; cloud kernels do not have it (Debian: apt install "
                        + "linux-image-amd64). After a kernel update, reboot")
            ]
        }
    }

    /// The memory of guests with devices: all of it is locked, and huge pages are better.
    func memory() -> [Finding] { lockedMemory() + hugepages() }

    /// All memory of a guest with a device is locked. libvirt raises QEMU's limit if it may.
    private func lockedMemory() -> [Finding] {
        guard let process = platform.libvirt.process, !process.mayRaiseLimits, let limit = process.lockedMemoryLimit
        else { return [] }
        let program = platform.libvirt.program ?? "libvirtd"
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
        let stocked = host.numaNodes.filter { $0.hugepages.contains { $0.total > 0 } }
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
                "NUMA node \(node) has SR-IOV cards but no huge pages; node \(list(stocked.map(\.id))) has some",
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
