// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import Foundation
import HostModel
import HostSimulator
import TestPrograms
import Testing

@testable import HostIO

/// The two-node host. A test changes it as the kernel does, and sends the kernel's events.
private final class FollowedHost {
    let tree: FixtureTree
    let follower: HostFollower
    static let folder = "/sys/devices/pci0000:3a/0000:3a:00.0"
    static let card = folder + "/0000:3b:00.0"

    init() throws {
        tree = try FixtureTree(named: "dataplane-host")
        follower = try HostFollower(reader: tree.reader)
    }

    func event(_ action: String, _ function: String, subsystem: String = "pci") throws -> HostEvent {
        HostEvent(action: action, subsystem: subsystem, address: try address(function))
    }

    func bind(_ function: String, to driver: String?) throws {
        let link = "/sys/bus/pci/devices/\(function)/driver"
        try? tree.remove(link)
        if let driver { try tree.makeRawLink(at: link, to: "../../../../../bus/pci/drivers/\(driver)") }
    }

    func addVF(_ index: Int, group: Int) throws -> String {
        let name = String(format: "0000:3b:10.%d", index)
        let home = Self.folder + "/" + name
        for (file, text) in [
            ("uevent", "PCI_CLASS=20000\nPCI_ID=8086:154C\nPCI_SUBSYS_ID=8086:0002"), ("revision", "0x02"),
            ("numa_node", "1"),
        ] {
            try tree.write(text, to: "\(home)/\(file)")
        }
        try tree.makeRawLink(at: home + "/physfn", to: "../0000:3b:00.0")
        try tree.makeRawLink(at: home + "/iommu_group", to: "../../../../kernel/iommu_groups/\(group)")
        try tree.write("DMA-FQ", to: "/sys/kernel/iommu_groups/\(group)/type")
        try tree.makeRawLink(at: Self.card + "/virtfn\(index)", to: "../\(name)")
        try tree.makeRawLink(
            at: "/sys/bus/pci/devices/\(name)", to: "../../../devices/pci0000:3a/0000:3a:00.0/\(name)")
        try tree.write(String(index + 1), to: Self.card + "/sriov_numvfs")
        return name
    }

    /// The snapshot in memory must equal a new reading.
    func expectTrue(_ location: SourceLocation = #_sourceLocation) throws {
        let fresh = try tree.snapshot()
        let held = follower.current.snapshot
        #expect(held.functions == fresh.functions, sourceLocation: location)
        // A kernel removes a group with its last member; a tree keeps the folder.
        let groups = fresh.iommuGroups.filter { !$0.functions.isEmpty }
        #expect(held.iommuGroups.filter { !$0.functions.isEmpty } == groups, sourceLocation: location)
        #expect(Set(held.warnings) == Set(fresh.warnings), sourceLocation: location)
    }
}

@Suite("Following the host")
struct HostFollowerTests {
    @Test("a change is seen with its event and not before")
    func fromMemory() throws {
        let host = try FollowedHost()
        let vf = try address("0000:3b:10.1")
        let version = host.follower.current.version
        try host.bind("0000:3b:10.1", to: "iavf")
        #expect(host.follower.current.snapshot[vf]?.driver == nil)
        let changes = try host.follower.follow([host.event("bind", "0000:3b:10.1")])
        #expect(changes.map(\.address) == [vf])
        #expect(changes.first?.before?.driver == nil)
        #expect(changes.first?.after?.driver == "iavf")
        #expect(host.follower.current.version == version + 1)
        try host.expectTrue()
        try host.bind("0000:3b:10.1", to: nil)
        #expect(try host.follower.follow([host.event("unbind", "0000:3b:10.1")]).count == 1)
        try host.expectTrue()
    }

    @Test("an event that changed nothing changes nothing")
    func nothing() throws {
        let host = try FollowedHost()
        let before = host.follower.current
        #expect(try host.follower.follow([host.event("change", "0000:3b:00.0")]) == [])
        #expect(host.follower.current.version == before.version)
        #expect(host.follower.current.snapshot == before.snapshot)
    }

    @Test("new VFs have their places, groups and their PF's count, whichever event is first")
    func newVFs() throws {
        let host = try FollowedHost()
        let vfs = try [host.addVF(2, group: 21), host.addVF(3, group: 22)]
        #expect(try host.follower.follow([host.event("add", vfs[1])]).map(\.address.description).contains(vfs[1]))
        #expect(host.follower.current.snapshot[try address("0000:3b:00.0")]?.sriov?.vfCount == 4)
        _ = try host.follower.follow([host.event("change", "0000:3b:00.0"), host.event("add", vfs[0])])
        try host.expectTrue()
        #expect(host.follower.current.snapshot.group(22)?.functions == [try address(vfs[1])])
        #expect(host.follower.current.snapshot[try address(vfs[1])]?.virtualFunction?.index == 3)
    }

    @Test("a PF that is read again after a write has its VFs before their events")
    func afterWrite() throws {
        let host = try FollowedHost()
        let vf = try address(host.addVF(2, group: 21))
        let changes = host.follower.refresh([try address("0000:3b:00.0")])
        #expect(changes.map(\.address) == [try address("0000:3b:00.0"), vf])
        try host.expectTrue()
    }

    @Test("the group of a removed VF is removed, and the PF's links are read again")
    func goneVF() throws {
        let host = try FollowedHost()
        let vf = "0000:3b:10.1"
        try host.tree.remove("/sys/bus/pci/devices/\(vf)")
        try host.tree.remove(FollowedHost.folder + "/" + vf)
        try host.tree.remove(FollowedHost.card + "/virtfn1")
        try host.tree.write("1", to: FollowedHost.card + "/sriov_numvfs")
        let changes = try host.follower.follow([host.event("remove", vf)])
        #expect(changes.contains { $0.address.description == vf && $0.after == nil })
        #expect(host.follower.current.snapshot.group(7) == nil)
        #expect(host.follower.current.snapshot[try address("0000:3b:00.0")]?.sriov?.vfCount == 1)
        try host.expectTrue()
    }

    @Test("udev's event shows a renamed interface, rtnetlink's an interface that went down")
    func interfaces() throws {
        let host = try FollowedHost()
        let card = try address("0000:3b:00.0")
        try FileManager.default.moveItem(
            atPath: host.tree.root + FollowedHost.card + "/net/ens1f0",
            toPath: host.tree.root + FollowedHost.card + "/net/wan0")
        _ = try host.follower.follow([host.event("move", "0000:3b:00.0", subsystem: "net")])
        #expect(host.follower.current.snapshot[card]?.interfaces.map(\.name) == ["wan0"])
        let index = try #require(host.follower.current.snapshot[card]?.interfaces.first?.index)
        try host.tree.write("down", to: FollowedHost.card + "/net/wan0/operstate")
        let event = HostEvent(action: "change", subsystem: "net", interfaceIndex: index)
        #expect(try host.follower.follow([event]).map(\.address) == [card])
        #expect(host.follower.current.snapshot[card]?.interfaces.first?.state == "down")
        try host.expectTrue()
    }

    @Test("after lost events the whole host is read again")
    func overrun() throws {
        let host = try FollowedHost()
        _ = try host.addVF(2, group: 21)
        try host.bind("0000:3b:10.1", to: "iavf")
        let changes = try host.follower.follow([.overrun])
        #expect(changes.map(\.address.description) == ["0000:3b:00.0", "0000:3b:10.1", "0000:3b:10.2"])
        try host.expectTrue()
    }

    @Test("events of missing functions, or of interfaces without a function, change nothing")
    func strangers() throws {
        let host = try FollowedHost()
        let before = host.follower.current.snapshot
        #expect(
            try host.follower.follow([
                host.event("add", "0000:99:00.0"), host.event("remove", "0000:98:00.0"),
                HostEvent(action: "change", subsystem: "net", interfaceIndex: 4711),
                HostEvent(action: "add", subsystem: "net", interface: "veth0"),
            ]) == [])
        #expect(host.follower.current.snapshot == before)
    }

    @Test("a function's warning ends with its cause")
    func warnings() throws {
        let host = try FollowedHost()
        try host.tree.write("near the window", to: FollowedHost.card + "/numa_node")
        _ = try host.follower.follow([host.event("change", "0000:3b:00.0")])
        #expect(host.follower.current.snapshot.warnings.count == 1)
        try host.expectTrue()
        try host.tree.write("1", to: FollowedHost.card + "/numa_node")
        _ = try host.follower.follow([host.event("change", "0000:3b:00.0")])
        #expect(host.follower.current.snapshot.warnings == [])
        try host.expectTrue()
    }

    @Test("after any changes in any order, and all their events, memory equals the host", arguments: [1, 2, 3, 4])
    func randomly(seed: Int) throws {
        let host = try FollowedHost()
        var random = FixedSeed(UInt64(seed))
        var pending: [HostEvent] = []
        var vfCount = 2
        for _ in 0..<60 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0 where vfCount < 8:
                pending.append(try host.event("add", try host.addVF(vfCount, group: 20 + vfCount)))
                vfCount += 1
            case 1 where vfCount > 0:
                vfCount -= 1
                let vf = "0000:3b:10.\(vfCount)"
                for path in ["/sys/bus/pci/devices/\(vf)", FollowedHost.folder + "/" + vf] {
                    try host.tree.remove(path)
                }
                try host.tree.remove(FollowedHost.card + "/virtfn\(vfCount)")
                try host.tree.write(String(vfCount), to: FollowedHost.card + "/sriov_numvfs")
                pending.append(try host.event("remove", vf))
            case 2 where vfCount > 0:
                let vf = "0000:3b:10.\(Int.random(in: 0..<vfCount, using: &random))"
                try host.bind(vf, to: Bool.random(using: &random) ? "vfio-pci" : nil)
                pending.append(try host.event("bind", vf))
            default:
                _ = try host.follower.follow(pending)
                pending = []
                try host.expectTrue()
            }
        }
    }
}

@Suite("Events from rtnetlink")
struct LinkEventsTests {
    @Test("every interface in a buffer of messages is found; incomplete and other messages are ignored")
    func indexes() {
        func message(type: UInt16, index: Int32, length: Int) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: (length + 3) & ~3)
            bytes.replaceSubrange(0..<4, with: withUnsafeBytes(of: UInt32(length)) { Array($0) })
            bytes.replaceSubrange(4..<6, with: withUnsafeBytes(of: type) { Array($0) })
            if length >= 24 { bytes.replaceSubrange(20..<24, with: withUnsafeBytes(of: index) { Array($0) }) }
            return bytes
        }
        func found(_ bytes: [UInt8]) -> Set<Int> {
            var indexes: Set<Int> = []
            LinkEvents.takeIndexes(bytes.span, into: &indexes)
            return indexes
        }
        let good = message(type: 16, index: 7, length: 33) + message(type: 24, index: 8, length: 32)
        #expect(found(good + message(type: 17, index: 900_000, length: 32)) == [7, 900_000])
        #expect(found(good + message(type: 16, index: 9, length: 32).dropLast(8)) == [7])
        #expect(found(good + message(type: 16, index: 9, length: 16)) == [7])
        #expect(found([0, 0, 0, 0] + good) == [])
        #expect(found([]) == [])
    }

    @Test("a change of this machine's interfaces is received")
    func live() throws {
        // Needs the privilege to create interfaces; without it, the end-to-end tests cover this.
        guard getuid() == 0, FileManager.default.isExecutableFile(atPath: "/usr/sbin/ip") else { return }
        let events = try LinkEvents()
        func ip(_ arguments: String...) throws -> Int32 {
            try TestProgram.run(["/usr/sbin/ip"] + arguments).status
        }
        let name = "bl\(ProcessInfo.processInfo.processIdentifier % 100000)"
        guard try ip("link", "add", name, "type", "dummy") == 0 else { return }
        defer { _ = try? ip("link", "del", name) }
        #expect(events.receive().contains { $0.interfaceIndex != nil && $0.subsystem == "net" })
    }
}
