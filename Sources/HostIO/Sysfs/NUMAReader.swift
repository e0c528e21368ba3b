// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

/// Reads the host's NUMA nodes, with their free memory and free hugepages.
///
/// Source: Documentation/ABI/stable/sysfs-devices-node, sysfs-devices-system-cpu.
struct NUMAReader {
    let paths: HostPaths

    /// By id. None when the kernel knows no NUMA. A node without an attribute lacks only that fact.
    func nodes(_ pass: inout ReadPass) -> [NUMANode] {
        guard let folder = try? Directory(paths.numaNodes), let names = try? folder.names() else { return [] }
        let defaultPage = defaultPageSize(&pass)
        let withMemory = pass.contents(ofFile: paths.nodesWithMemory).flatMap(NumberSet.init(list:))
        return names.compactMap { name -> NUMANode? in
            guard name.hasPrefix("node"), let id = SysfsText.count(String(name.dropFirst(4))),
                let home = try? Directory(name, in: folder)
            else { return nil }
            let cpus = try? pass.text("cpulist", in: home, of: "NUMA \(name)")
            let distances = try? pass.text("distance", in: home, of: "NUMA \(name)")
            return NUMANode(
                id: id, cpus: cpus,
                distances: distances.map { $0.split(separator: " ").compactMap { Int($0) } },
                memory: withMemory?.contains(id) == false
                    ? NUMANode.Memory(totalBytes: 0, freeBytes: 0, availableBytes: 0) : memory(of: home, name, &pass),
                hugepages: hugepages(of: home, defaultPage, &pass),
                packages: cpus.flatMap { packages(of: $0, &pass) })
        }.sorted { $0.id < $1.id }
    }

    /// The packages of these CPUs; nil if the kernel says it of none.
    private func packages(of cpus: String, _ pass: inout ReadPass) -> [Int]? {
        guard var rest = NumberSet(list: cpus) else { return nil }
        if rest.isEmpty { return [] }
        var found: Set<Int> = []
        while let cpu = rest.numbers.min() {
            let topology = paths.processorTopology(cpu)
            let package = pass.contents(ofFile: topology + "/physical_package_id").flatMap(SysfsText.count)
            if let package { found.insert(package) }
            // One CPU tells for all of its package.
            let others = package.flatMap { _ in pass.contents(ofFile: topology + "/package_cpus_list") }
            rest = rest.subtracting(others.flatMap(NumberSet.init(list:)) ?? NumberSet()).subtracting(NumberSet([cpu]))
        }
        return found.isEmpty ? nil : found.sorted()
    }

    /// The size of huge pages that a program gets when it names none. Depends on the architecture, its base pages and
    /// `default_hugepagesz` on the kernel command line.
    private func defaultPageSize(_ pass: inout ReadPass) -> Int? {
        pass.contents(ofFile: paths.memoryFacts).flatMap { Self.bytes("Hugepagesize:", in: $0) }
    }

    /// The value of a line like `Hugepagesize:  2048 kB` or `Node 0 MemTotal:  16384 kB`.
    private static func bytes(_ key: String, in text: String) -> Int? {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if let place = words.firstIndex(where: { $0 == key }), place + 1 < words.count {
                return Int(words[place + 1]).flatMap { $0 < 0 || $0 > .max >> 10 ? nil : $0 << 10 }
            }
        }
        return nil
    }

    private func memory(of home: borrowing Directory, _ name: String, _ pass: inout ReadPass) -> NUMANode.Memory? {
        guard let text = try? pass.text("meminfo", in: home, of: "NUMA \(name)") else { return nil }
        let (total, free) = (Self.bytes("MemTotal:", in: text), Self.bytes("MemFree:", in: text))
        if total == nil && free == nil { return nil }
        let caches = ["Active(file):", "Inactive(file):", "SReclaimable:"].map { Self.bytes($0, in: text) }
        let available = caches.reduce(free) { sum, part in sum.flatMap { sum in part.map { sum + $0 } } }
        return NUMANode.Memory(
            totalBytes: total, freeBytes: free, availableBytes: available.map { min($0, total ?? $0) })
    }

    /// The hugepages of each page size, the smallest first.
    private func hugepages(
        of home: borrowing Directory, _ defaultPage: Int?, _ pass: inout ReadPass
    ) -> [NUMANode.Hugepages] {
        guard let folder = try? Directory("hugepages", in: home), let names = try? folder.names() else { return [] }
        let pools = names.compactMap { name -> NUMANode.Hugepages? in
            guard name.hasPrefix("hugepages-"), name.hasSuffix("kB"),
                let size = SysfsText.count(String(name.dropFirst(10).dropLast(2))),
                let pool = try? Directory(name, in: folder)
            else { return nil }
            return NUMANode.Hugepages(
                pageSizeBytes: size * 1024,
                total: try? pass.value("nr_hugepages", in: pool, of: name, SysfsText.count),
                free: try? pass.value("free_hugepages", in: pool, of: name, SysfsText.count),
                isDefault: defaultPage.map { $0 == size * 1024 })
        }
        return pools.sorted { $0.pageSizeBytes < $1.pageSizeBytes }
    }
}
