// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Ledger
import Synchronization
import TemporaryFiles
import Testing

let pool = Pool(name: "vfs", selector: Selector(kinds: [.virtualFunction]))

/// A host with one PF and unbound VFs.
func host(vfs: Int, groups: HostBuilder.VFGroups = .own) throws -> HostSimulator {
    let host = HostSimulator { $0.pf("0000:3b:00.0", totalVFs: 64, vfGroups: groups) }
    try host.meanwhile(.setDriversAutoprobe(physicalFunction: "0000:3b:00.0", on: false))
    try host.meanwhile(.setVFCount(physicalFunction: "0000:3b:00.0", count: vfs))
    return host
}

extension Ledger {
    /// Allocates as the daemon does: placement decides inside the ledger's transaction.
    func allocate(
        count: Int = 1, for owner: String, on host: HostSimulator, from pool: Pool = pool, uid: Int? = nil,
        deviceName: String? = nil
    ) async throws -> Claim {
        let snapshot = host.now
        let request = ClaimRequest(
            pool: pool, count: count, owner: .name(owner), uid: uid, deviceName: deviceName)
        return try await allocate(bootID: snapshot.host.bootID ?? "") { holdings in
            let functions = try Placement.choose(for: request, on: snapshot, holdings: holdings)
            return ClaimDraft(
                request: request,
                slots: functions.map { .init(function: $0, settings: request.settings, numaNode: $0.numaNode) })
        }
    }

    /// Writes a claim without asking placement, so that only the schema protects the function.
    func force(_ function: Function, for owner: String, bootID: String = "boot-1") async throws -> Claim {
        try await allocate(bootID: bootID) { _ in
            ClaimDraft(
                request: ClaimRequest(pool: pool, owner: .name(owner)),
                slots: [.init(function: function, settings: VFSettings(), numaNode: function.numaNode)])
        }
    }
}

@Suite("Claims in the ledger")
struct ClaimTests {
    private let ledger: Ledger

    init() throws { ledger = try Ledger(path: nil, now: { 1_700_000_000 }) }

    @Test("a pool limits the live claims of each owner, and of each user across owners")
    func quotas() async throws {
        let host = try host(vfs: 8)
        var limited = pool
        limited.maxClaims = 2
        for owner in ["a", "b"] { _ = try await ledger.allocate(for: owner, on: host, from: limited, uid: 1000) }
        let third = Refusal.pool("vfs", .quotaReached(holder: "user id 1000", limit: 2))
        await #expect(throws: third) { try await ledger.allocate(for: "c", on: host, from: limited, uid: 1000) }
        // Root claims for other owners: only each owner has the limit.
        for _ in 0..<2 { _ = try await ledger.allocate(for: "d", on: host, from: limited, uid: 0) }
        await #expect(throws: Refusal.pool("vfs", .quotaReached(holder: "d", limit: 2))) {
            try await ledger.allocate(for: "d", on: host, from: limited, uid: 0)
        }
        #expect(try await ledger.claims().map(\.uid) == [1000, 1000, 0, 0])
        // A released claim no longer counts.
        try await ledger.transitions.end(claim: "c1")
        #expect(try await ledger.allocate(for: "c", on: host, from: limited, uid: 1000).uid == 1000)
    }

    @Test(
        "the cache of ownership agrees with the table after failed claims, single or in a batch, and after a claim ends"
    )
    func heldAsWritten() async throws {
        let host = try host(vfs: 4)
        let functions = host.now.functions.filter { $0.virtualFunction != nil }
        @Sendable func draft(_ position: Int, _ name: String) -> ClaimDraft {
            ClaimDraft(
                request: ClaimRequest(pool: pool, owner: .name("fw1"), deviceName: name),
                slots: [.init(function: functions[position], settings: VFSettings(), numaNode: nil)])
        }
        func held() async throws -> Set<PCIAddress> {
            let told = Mutex<Set<PCIAddress>>([])
            _ = try await ledger.allocate(inBoot: "boot-1") { holdings in
                told.withLock { $0 = Set(holdings.claims.keys) }
                return []
            }
            return told.withLock(\.self)
        }
        let first = try await ledger.allocate(inBoot: "boot-1") { _ in [draft(0, "data0")] }[0]
        #expect(try await held() == [functions[0].address])
        // The second of two drafts has a name that is taken: neither claim is made.
        for _ in 0..<2 {
            await #expect(throws: Refusal.request(.deviceNameTaken("data0", owner: "fw1", claim: first.id))) {
                _ = try await ledger.allocate(inBoot: "boot-1") { _ in [draft(1, "data1"), draft(2, "data0")] }
            }
            #expect(try await held() == [functions[0].address])
        }
        // The same in a batch with other claims, which are made.
        await withTaskGroup { group in
            for position in 1..<4 {
                group.addTask { [ledger] in
                    _ = try? await ledger.allocate(inBoot: "boot-1") { _ in
                        [draft(position, position == 2 ? "data0" : "data\(position)")]
                    }
                }
            }
        }
        #expect(try await held() == Set([0, 1, 3].map { functions[$0].address }))
        try await ledger.transitions.end(claim: first.id)
        #expect(try await held() == Set([1, 3].map { functions[$0].address }))
        #expect(try await held() == Set(ledger.holdings().claims.keys))
    }

    @Test("a replaced claim stays until the new one is made, keeps its functions, and can be reinstated")
    func givesWay() async throws {
        let host = try host(vfs: 3)
        let snapshot = host.now
        let old = try await ledger.allocate(for: "fw1", on: host, deviceName: "data0")
        var limited = pool
        limited.maxClaims = 1
        func exchange(_ old: Claim, count: Int = 1) async throws -> [Claim] {
            let request = ClaimRequest(pool: limited, count: count, owner: .name("fw1"), deviceName: "data0")
            let made = try await ledger.allocate(inBoot: "boot-1", replacing: [old]) { holdings in
                let functions = try Placement.choose(for: request, on: snapshot, holdings: holdings)
                return [
                    ClaimDraft(
                        request: request,
                        slots: functions.map { .init(function: $0, settings: VFSettings(), numaNode: $0.numaNode) })
                ]
            }
            return made
        }
        // The old claim keeps its function during the choice: two of three are left, and the refusal changes nothing.
        await #expect(throws: Refusal.self) { _ = try await exchange(old, count: 3) }
        #expect(try await ledger.claims() == [old])
        try await ledger.transitions.setState(.bound, ofClaim: old.id)
        let bound = try #require(try await ledger.claim(old.id))
        let made = try await exchange(bound)
        #expect(made.first?.assignments.map(\.name) == ["data0"])
        #expect(made.first?.assignments.first?.address != old.assignments.first?.address)
        #expect(try await ledger.claim(old.id)?.state == .releasing)
        #expect(try await ledger.holdings().claims.count == 2)
        // The caller knows an outdated state of it.
        await #expect(throws: Refusal.claim(old.id, .changing)) { _ = try await exchange(bound) }
        try await ledger.transitions.end(claim: made[0].id)
        for _ in 0..<2 { try await ledger.transitions.reinstate(claims: [old.id]) }
        #expect(try await ledger.claims() == [bound])
    }

    @Test("a claim is read as it was written")
    func remembers() async throws {
        let host = try host(vfs: 2)
        let made = try await ledger.allocate(count: 2, for: "fw1", on: host)
        #expect(made.id == "c1")
        #expect(made.state == .pending)
        #expect(made.createdAt == 1_700_000_000)
        #expect(made.assignments.map(\.address) == ["0000:3b:10.0", "0000:3b:10.1"])
        #expect(made.assignments.map(\.name) == ["c1-0", "c1-1"])
        #expect(made.assignments[1].virtualFunction == VirtualFunction(physicalFunction: "0000:3b:00.0", index: 1))
        #expect(made.assignments[0].original.settings == host.now["0000:3b:10.0"]?.vfSettings)
        #expect(try await ledger.claims() == [made])
        #expect(try await ledger.claim("c1") == made)
        for id in ["c2", "1", "c01", "c", "", "c-1"] { #expect(try await ledger.claim(id) == nil) }
    }

    @Test("the schema forbids two live claims on one function, whatever the code decides")
    func oneClaimAFunction() async throws {
        let vf = try #require(try host(vfs: 1).now["0000:3b:10.0"])
        _ = try await ledger.force(vf, for: "a")
        await #expect(throws: (any Error).self) { try await ledger.force(vf, for: "a") }
        await #expect(throws: (any Error).self) { try await ledger.force(vf, for: "b") }
        #expect(try await ledger.claims().count == 1)
    }

    @Test("the schema forbids two owners in one group, and lets one owner have two of its functions")
    func oneOwnerAGroup() async throws {
        let snapshot = try host(vfs: 3, groups: .shared).now
        let vfs = snapshot.functions.filter { $0.virtualFunction != nil }
        _ = try await ledger.force(vfs[0], for: "a")
        let second = try await ledger.force(vfs[1], for: "a")
        await #expect(throws: (any Error).self) { try await ledger.force(vfs[2], for: "b") }
        #expect(try await ledger.claims().count == 2)
        // After the first claim ends the group still belongs to the owner; after the last one it is free.
        try await ledger.transitions.end(claim: "c1")
        await #expect(throws: (any Error).self) { try await ledger.force(vfs[2], for: "b") }
        try await ledger.transitions.end(claim: second.id)
        #expect(try await ledger.force(vfs[2], for: "b").owner == .name("b"))
    }

    @Test("a released claim frees its functions and stays as a record; its id is never used again")
    func ends() async throws {
        let host = try host(vfs: 1)
        let first = try await ledger.allocate(for: "a", on: host)
        try await ledger.transitions.end(claim: first.id)
        try await ledger.transitions.end(claim: first.id)
        try await ledger.transitions.setState(.bound, ofClaim: first.id)
        #expect(try await ledger.claim(first.id)?.state == .released)
        #expect(try await ledger.claims().isEmpty)
        #expect(try await ledger.holdings().claims.isEmpty)
        #expect(try await ledger.allocate(for: "b", on: host).id == "c2")
        await #expect(throws: Refusal.claim("x", .unknown)) { try await ledger.transitions.end(claim: "x") }
    }

    @Test("a decision that throws writes nothing and uses no id")
    func decisionRefuses() async throws {
        await #expect(throws: Refusal.noIOMMU) { try await ledger.allocate(bootID: "b") { _ in throw Refusal.noIOMMU } }
        #expect(try await ledger.claims().isEmpty)
        #expect(try await ledger.allocate(for: "a", on: try host(vfs: 1)).id == "c1")
    }

    @Test("an owner cannot use a device name twice; another owner can use it")
    func deviceNames() async throws {
        let host = try host(vfs: 3)
        _ = try await ledger.allocate(for: "a", on: host, deviceName: "data0")
        let refusal = await #expect(throws: Refusal.self) {
            try await ledger.allocate(for: "a", on: host, deviceName: "data0")
        }
        #expect(refusal?.code == "device-name-taken")
        #expect(try await ledger.allocate(for: "b", on: host, deviceName: "data0").assignments[0].name == "data0")
    }

    @Test("of many concurrent requests for the last function one succeeds", arguments: [false, true])
    func race(onDisk: Bool) async throws {
        let folder = onDisk ? TemporaryFolder() : nil
        let ledger = try Ledger(path: folder?.ledger)
        let host = try host(vfs: 1)
        let won = await withTaskGroup(of: Bool.self) { group in
            for caller in 0..<24 {
                group.addTask { (try? await ledger.allocate(for: "owner-\(caller)", on: host)) != nil }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(won == 1)
        #expect(try await ledger.claims().count == 1)
    }

    @Test("two processes on one file can write, and only one gets the function")
    func twoProcesses() async throws {
        let folder = TemporaryFolder()
        let ledgers = [try Ledger(path: folder.ledger), try Ledger(path: folder.ledger)]
        let vf = try #require(try host(vfs: 1).now["0000:3b:10.0"])
        let won = await withTaskGroup(of: Bool.self) { group in
            for caller in 0..<16 {
                group.addTask { (try? await ledgers[caller % 2].force(vf, for: "owner-\(caller)")) != nil }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(won == 1)
    }
}

@Suite("A new boot renumbers the groups")
struct AdoptionTests {
    @Test("claims adopt this boot's numbers; a missing function keeps its old one until it appears")
    func adopts() async throws {
        let ledger = try Ledger(path: nil)
        let before = try host(vfs: 2)
        let claim = try await ledger.allocate(count: 2, for: "a", on: before)
        try await ledger.adopt(bootID: "boot-2", groups: ["0000:3b:10.0": 70])
        var assignments = try #require(try await ledger.claim(claim.id)).assignments
        #expect(assignments.map(\.iommuGroup) == [70, claim.assignments[1].iommuGroup])
        try await ledger.adopt(bootID: "boot-2", groups: ["0000:3b:10.0": 70, "0000:3b:10.1": 71])
        assignments = try #require(try await ledger.claim(claim.id)).assignments
        #expect(assignments.map(\.iommuGroup) == [70, 71])
        // In the new boot the schema protects the new numbers, and the old ones mean nothing.
        var vf = try #require(before.now["0000:3b:10.1"])
        vf = Function(address: "0000:3b:10.7", identity: vf.identity, iommuGroup: 71)
        let other = vf
        await #expect(throws: (any Error).self) { try await ledger.force(other, for: "b", bootID: "boot-2") }
        vf.iommuGroup = claim.assignments[1].iommuGroup
        let free = vf
        _ = try await ledger.force(free, for: "b", bootID: "boot-2")
    }

    @Test("if the functions of two owners are now in one group, the older claim keeps it and the other is reported")
    func conflict() async throws {
        let ledger = try Ledger(path: nil)
        let host = try host(vfs: 2)
        _ = try await ledger.allocate(for: "a", on: host)
        _ = try await ledger.allocate(for: "b", on: host)
        let conflicts = try await ledger.adopt(bootID: "boot-2", groups: ["0000:3b:10.0": 9, "0000:3b:10.1": 9])
        #expect(conflicts == ["0000:3b:10.1"])
        #expect(try await ledger.claims().count == 2)
        #expect(try await ledger.claim("c1")?.assignments.first?.iommuGroup == 9)
    }
}
