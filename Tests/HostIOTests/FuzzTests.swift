// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import Foundation
import Glibc
import HostIO
import HostModel
import HostSimulator
import SchemaCheck
import Testing

/// The damage of one round.
private struct Damage {
    /// The functions whose own folders were changed.
    var functions: Set<PCIAddress> = []
    /// Whether something outside all functions was changed: groups, nodes, modules, the bus.
    var isElsewhere = false
    var story: [String] = []
}

/// A tree that can be damaged and repaired.
private final class FragileTree {
    let tree: FixtureTree
    /// Every file and link, by path below the root.
    private let entries: [(path: String, content: Content)]
    private var random: FixedSeed
    private let files = FileManager.default

    private enum Content {
        case file(Data)
        case link(String)
    }

    init(named name: String, seed: UInt64) throws {
        tree = try FixtureTree(named: name)
        random = FixedSeed(seed)
        let root = tree.root
        entries = try FileManager.default.subpathsOfDirectory(atPath: root).sorted().compactMap { path in
            let full = root + "/" + path
            if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: full) {
                return (path, .link(target))
            }
            return FileManager.default.contents(atPath: full).map { (path, .file($0)) }
        }
    }

    /// 1 to 3 changes, and the repair of each.
    func damage() throws -> (Damage, repair: () throws -> Void) {
        var damage = Damage()
        var touched: [Int] = []
        var made: [String] = []
        for _ in 0...Int(random.next() % 3) {
            let choice = Int(random.next() % UInt64(entries.count + entries.count / 8))
            if choice < entries.count {
                if touched.contains(choice) { continue }
                touched.append(choice)
                try change(choice, &damage)
            } else {
                made.append(try intrude(&damage))
            }
        }
        return (
            damage,
            { [self] in
                for path in made { unlink(tree.root + "/" + path) }
                for index in touched { try restore(index) }
            }
        )
    }

    private func change(_ index: Int, _ damage: inout Damage) throws {
        let path = entries[index].path
        let full = tree.root + "/" + path
        try? files.removeItem(atPath: full)
        let kind = Int(random.next() % 12)
        switch kind {
        case 0: break
        case 1: try Data().write(to: URL(filePath: full))
        case 2: try Data("-9999999999999999999999 wat\n".utf8).write(to: URL(filePath: full))
        case 3:
            try Data((0..<64).map { _ in UInt8(truncatingIfNeeded: random.next() | 0x80) }).write(
                to: URL(filePath: full))
        case 4: try Data(repeating: UInt8(ascii: "7"), count: 65536).write(to: URL(filePath: full))
        case 9: try Data("2147483647\n".utf8).write(to: URL(filePath: full))
        case 10: try Data("65535\n".utf8).write(to: URL(filePath: full))
        case 11: try Data("-1\n".utf8).write(to: URL(filePath: full))
        case 5: symlink("nowhere/at/all", full)
        case 6: symlink((path as NSString).lastPathComponent, full)
        case 7: try files.createDirectory(atPath: full, withIntermediateDirectories: true)
        default: symlink("..", full)
        }
        note(path, "\(kind)", &damage)
    }

    /// Adds malformed entries: names that are not addresses, an additional link, a VF whose PF is gone.
    private func intrude(_ damage: inout Damage) throws -> String {
        let (path, target): (String, String) =
            switch random.next() % 5 {
            case 0: ("sys/bus/pci/devices/\u{FF}lost+found", "../../../devices")
            case 1: ("sys/bus/pci/devices/0000:7f:00.0", "0000:7f:00.0")
            case 2: ("sys/bus/pci/devices/3b:00.0", "../../../nowhere")
            case 3: ("sys/kernel/iommu_groups/not-a-group", "..")
            default: ("sys/kernel/iommu_groups/999", "../iommu_groups")
            }
        symlink(target, tree.root + "/" + path)
        damage.isElsewhere = true
        damage.story.append("+\(path)")
        return path
    }

    private func note(_ path: String, _ how: String, _ damage: inout Damage) {
        damage.story.append("\(path): \(how)")
        let owners = path.split(separator: "/").compactMap { name in
            name.contains(".") ? try? PCIAddress(String(name)) : nil
        }
        if path.hasPrefix("sys/devices/pci"), let owner = owners.last {
            damage.functions.insert(owner)
        } else if path.hasPrefix("sys/bus/pci/devices/"), let owner = owners.last {
            damage.functions.insert(owner)
        } else {
            damage.isElsewhere = true
        }
    }

    private func restore(_ index: Int) throws {
        let full = tree.root + "/" + entries[index].path
        try? files.removeItem(atPath: full)
        switch entries[index].content {
        case .file(let data): try data.write(to: URL(filePath: full))
        case .link(let target): symlink(target, full)
        }
    }
}

@Suite("Damaged host trees")
struct FuzzTests {
    @Test(
        "costs what is broken, and a line; never the run, never a fact about something else",
        arguments: [
            ("dataplane-host", UInt64(1)), ("single-socket", 2), ("shared-group", 3), ("five-digit-domain", 4),
        ])
    func mutations(name: String, seed: UInt64) throws {
        let fragile = try FragileTree(named: name, seed: seed)
        let sound = try fragile.tree.reader.snapshot()
        var documents: [Data] = []
        for round in 0..<500 {
            let (damage, repair) = try fragile.damage()
            let host = try fragile.tree.reader.snapshot()
            let story: Comment = "round \(round): \(damage.story.joined(separator: "; "))"
            check(host, against: sound, damage, story)
            if round % 25 == 0 { documents.append(try document(host)) }
            try repair()
        }
        #expect(try fragile.tree.reader.snapshot() == sound, "every damage was put right again")
        let (status, lines) = try SchemaCheck.validate(documents)
        #expect(status == 0, "\(lines)")
    }

    private func check(_ host: HostSnapshot, against sound: HostSnapshot, _ damage: Damage, _ story: Comment) {
        // Damage can change the facts of related functions, and of no other.
        for was in sound.functions where isApart(was, from: damage, sound) {
            #expect(host[was.address].map(Self.own) == Self.own(was), story)
        }
        for function in host.functions {
            guard let was = sound[function.address] else {
                // An entry on the bus that cannot be opened is a function without any known fact.
                let nothing = Function(address: function.address, identity: .unknown)
                #expect(Self.own(function) == nothing, story)
                continue
            }
            // A damaged fact has its old value, is unknown, or has the value in the file; it is never out of range.
            #expect(function.numaNode.map { $0 >= 0 } ?? true, story)
            #expect(function.iommuGroup.map { $0 >= 0 } ?? true, story)
            #expect(function.virtualFunction.map { sound[$0.physicalFunction]?.sriov != nil } ?? true, story)
            #expect(function.virtualFunction == nil || function.virtualFunction == was.virtualFunction, story)
            #expect(
                function.sriov.map { Set($0.virtualFunctions).isSubset(of: Set(sound.functions.map(\.address))) }
                    ?? true, story)
            #expect(function.sriov.map { $0.vfCount <= $0.totalVFs && $0.totalVFs <= 0xffff } ?? true, story)
            for text in [function.driver, function.driverOverride, function.localCPUs, function.vfioDevice] {
                #expect(text.map { $0.utf8.count < 4096 && !$0.contains("\u{FFFD}") } ?? true, story)
            }
            #expect(
                function.capabilities == nil || function.capabilities == was.capabilities
                    || damage.functions.contains(function.address), story)
        }
        for warning in host.warnings { #expect(warning.utf8.count < 400, story) }
        #expect(host.functions.map(\.address) == host.functions.map(\.address).sorted(), story)
    }

    private func isApart(_ function: Function, from damage: Damage, _ sound: HostSnapshot) -> Bool {
        let relatives =
            [function.address, function.virtualFunction?.physicalFunction].compactMap { $0 }
            + (function.sriov?.virtualFunctions ?? [])
        return damage.functions.isDisjoint(with: relatives)
    }

    /// The facts from the function's own folder.
    private static func own(_ function: Function) -> Function {
        var own = function
        own.vfioDriver = nil
        // A fact of the node that the function includes.
        own.localCPUs = nil
        return own
    }
}
