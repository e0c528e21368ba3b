// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

/// Reads the host's NUMA nodes, with their free memory and free hugepages.
///
/// Source: Documentation/ABI/stable/sysfs-devices-node.
struct NUMAReader {
    let paths: HostPaths

    /// By id. None when the kernel knows no NUMA. A node without an attribute lacks only that fact.
    func nodes(_ pass: inout ReadPass) -> [NUMANode] {
        guard let folder = try? Directory(paths.numaNodes), let names = try? folder.names() else { return [] }
        return names.compactMap { name -> NUMANode? in
            guard name.hasPrefix("node"), let id = SysfsText.count(String(name.dropFirst(4))),
                let home = try? Directory(name, in: folder)
            else { return nil }
            let cpus = try? pass.text("cpulist", in: home, of: "NUMA \(name)")
            let distances = try? pass.text("distance", in: home, of: "NUMA \(name)")
            return NUMANode(
                id: id, cpus: cpus,
                distances: distances.map { $0.split(separator: " ").compactMap { Int($0) } },
                memory: memory(of: home, name, &pass), hugepages: hugepages(of: home, &pass))
        }.sorted { $0.id < $1.id }
    }

    /// Lines like `Node 0 MemTotal:  16384 kB`.
    private func memory(of home: borrowing Directory, _ name: String, _ pass: inout ReadPass) -> NUMANode.Memory? {
        guard let text = try? pass.text("meminfo", in: home, of: "NUMA \(name)") else { return nil }
        func bytes(_ key: String) -> Int? {
            for line in text.split(separator: "\n") {
                let words = line.split(separator: " ")
                if let place = words.firstIndex(where: { $0 == key }), place + 1 < words.count {
                    return Int(words[place + 1]).map { $0 * 1024 }
                }
            }
            return nil
        }
        let memory = NUMANode.Memory(totalBytes: bytes("MemTotal:"), freeBytes: bytes("MemFree:"))
        return memory.totalBytes == nil && memory.freeBytes == nil ? nil : memory
    }

    /// The hugepages of each page size, the smallest first.
    private func hugepages(of home: borrowing Directory, _ pass: inout ReadPass) -> [NUMANode.Hugepages] {
        guard let folder = try? Directory("hugepages", in: home), let names = try? folder.names() else { return [] }
        let pools = names.compactMap { name -> NUMANode.Hugepages? in
            guard name.hasPrefix("hugepages-"), name.hasSuffix("kB"),
                let size = SysfsText.count(String(name.dropFirst(10).dropLast(2))),
                let pool = try? Directory(name, in: folder)
            else { return nil }
            return NUMANode.Hugepages(
                pageSizeBytes: size * 1024,
                total: try? pass.value("nr_hugepages", in: pool, of: name, SysfsText.count),
                free: try? pass.value("free_hugepages", in: pool, of: name, SysfsText.count))
        }
        return pools.sorted { $0.pageSizeBytes < $1.pageSizeBytes }
    }
}
