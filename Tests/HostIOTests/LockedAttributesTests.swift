// SPDX-License-Identifier: GPL-3.0-or-later
import BlockingCalls
import Dispatch
import FixtureHosts
import HostModel
import HostSimulator
import Synchronization
import Testing

@testable import HostIO

@Suite("Attributes that a writer locks")
struct LockedAttributesTests {
    private static let hung: PCIAddress = "0000:3b:00.0"
    private static let others: [PCIAddress] = ["0000:3b:00.1", "0000:5e:00.0"]

    /// A kernel in which one function can be locked.
    private final class Kernel: Sendable {
        private let state = Mutex((isLocked: false, reads: [PCIAddress: Int](), override: "first"))
        private let unlocked = DispatchSemaphore(value: 0)

        func set(_ override: String) { state.withLock { $0.override = override } }
        func lock() { state.withLock { $0.isLocked = true } }

        func unlock() {
            state.withLock { $0.isLocked = false }
            unlocked.signal()
        }

        func reads(of address: PCIAddress) -> Int { state.withLock { $0.reads[address] ?? 0 } }

        func read(_ address: PCIAddress) -> LockedFacts {
            let waits = state.withLock { state in
                state.reads[address, default: 0] += 1
                return state.isLocked && address == LockedAttributesTests.hung
            }
            if waits { unlocked.wait() }
            var facts = LockedFacts()
            facts.driverOverride = state.withLock(\.override)
            return facts
        }

        func attributes(patience: Duration = .milliseconds(20)) -> LockedAttributes {
            LockedAttributes(paths: HostPaths(root: "/nowhere"), patience: patience, read: { self.read($0) })
        }
    }

    @Test("a function that hangs has what was last seen, with a warning; all others are read")
    func lastSeen() {
        let kernel = Kernel()
        let attributes = kernel.attributes()
        let all = [Self.hung] + Self.others
        #expect(attributes.facts(of: all).values.allSatisfy { $0.driverOverride == "first" && $0.warnings.isEmpty })
        kernel.lock()
        kernel.set("second")
        let facts = attributes.facts(of: all)
        #expect(facts[Self.hung]?.driverOverride == "first")
        #expect(facts[Self.hung]?.warnings.first?.hasPrefix("\(Self.hung): ") == true)
        #expect(Self.others.allSatisfy { facts[$0]?.driverOverride == "second" && facts[$0]?.warnings == [] })
        kernel.unlock()
    }

    @Test("a function that was never read is unknown, not free")
    func unknown() {
        let kernel = Kernel()
        kernel.lock()
        let facts = kernel.attributes().facts(of: [Self.hung])
        #expect(facts[Self.hung]?.driverOverride == nil)
        #expect(facts[Self.hung]?.warnings.first?.contains("unknown") == true)
        kernel.unlock()
    }

    @Test("however many ask, one read hangs; when it returns, the function is read again")
    func oneThread() async {
        let kernel = Kernel()
        let attributes = kernel.attributes()
        kernel.lock()
        await withTaskExecutorPreference(BlockingThreads(limit: 50)) {
            await withDiscardingTaskGroup { group in
                for _ in 0..<50 { group.addTask { _ = attributes.facts(of: [Self.hung]) } }
            }
        }
        _ = attributes.facts(of: [Self.hung])
        #expect(kernel.reads(of: Self.hung) == 1)
        kernel.set("second")
        kernel.unlock()
        while attributes.facts(of: [Self.hung])[Self.hung]?.driverOverride != "second" { await Task.yield() }
    }

    @Test("a function that we write to is not read until the write returns")
    func writing() throws {
        let kernel = Kernel()
        // Nobody waits that long: what is held is not read at all.
        let attributes = kernel.attributes(patience: .seconds(600))
        _ = attributes.facts(of: [Self.hung])
        kernel.lock()
        kernel.set("second")
        attributes.writing(to: [Self.hung]) {
            #expect(attributes.facts(of: [Self.hung])[Self.hung]?.driverOverride == "first")
            #expect(attributes.facts(of: Self.others).values.allSatisfy { $0.driverOverride == "second" })
        }
        #expect(kernel.reads(of: Self.hung) == 1)
        kernel.unlock()
        #expect(attributes.facts(of: [Self.hung])[Self.hung]?.driverOverride == "second")
    }

    @Test("a snapshot, a follower and single functions go on beside a function that hangs")
    func readers() throws {
        let tree = try FixtureTree(named: "dataplane-host")
        let isLocked = Mutex(false)
        let unlocked = DispatchSemaphore(value: 0)
        let paths = tree.paths
        let physical = try #require(try tree.snapshot().functions.first { $0.sriov?.vfCount ?? 0 > 0 })
        let reader = SysfsReader(
            paths: paths,
            attributes: LockedAttributes(paths: paths, patience: .milliseconds(20)) { address in
                if address == physical.address, isLocked.withLock(\.self) { unlocked.wait() }
                return LockedFacts(of: address, paths: paths)
            })
        let follower = try HostFollower(reader: reader)
        let before = try reader.snapshot()
        isLocked.withLock { $0 = true }
        let beside = try reader.snapshot()
        #expect(beside.functions == before.functions)
        #expect(beside.warnings.count == before.warnings.count + 1)
        #expect(try reader.function(at: physical.address)?.sriov?.vfCount == physical.sriov?.vfCount)
        #expect(try reader.binding(at: physical.address)?.driver == physical.driver)
        #expect(follower.refresh([physical.address]).isEmpty)
        #expect(try follower.rescan().isEmpty)
        unlocked.signal()
    }
}
