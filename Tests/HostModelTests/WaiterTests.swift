// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("Requests that wait")
struct WaiterTests {
    private let pool = Pool(name: "vfs", selector: Selector(kinds: [.virtualFunction]))
    private let amy = Caller(uid: 1000, user: "amy")
    private let pfs: [PCIAddress] = ["0000:3b:00.0", "0000:af:00.0"]
    /// Two PFs with two free VFs each.
    private let host: HostSnapshot

    init() throws {
        let simulator = HostSimulator {
            $0.pf("0000:3b:00.0", totalVFs: 7)
            $0.pf("0000:af:00.0", totalVFs: 7)
        }
        for pf in pfs {
            try simulator.meanwhile(.setDriversAutoprobe(physicalFunction: pf, on: false))
            try simulator.meanwhile(.setVFCount(physicalFunction: pf, count: 2))
        }
        host = simulator.now
    }

    private func waiter(
        _ count: Int, from pool: Pool? = nil, spread: Spread = .any, uid: Int = 1000, keeps: Bool = true
    ) -> Waiter {
        let caller = Caller(uid: uid, user: "u\(uid)")
        let request = ClaimRequest(
            pool: pool ?? self.pool, count: count, owner: .name("o\(uid)"), spread: spread, uid: uid)
        return Waiter([request], of: caller, keepsFunctions: keeps)
    }

    private var free: [PCIAddress] { Placement.free(of: pool, on: host, holdings: Holdings()).map(\.address) }

    private func holding(_ functions: some Sequence<PCIAddress>) -> Holdings {
        let claim = Holdings.ClaimReference(id: "c1", owner: .name("a"), ownerName: "a")
        return Holdings(claims: Dictionary(uniqueKeysWithValues: functions.map { ($0, claim) }))
    }

    /// What is left for a request that follows.
    private func left(by waiters: Waiter..., beside holdings: Holdings = Holdings(), in other: Pool? = nil) -> Int {
        var review = WaitingReview(on: host, holdings)
        for waiter in waiters { review.prospect(of: waiter) }
        return Placement.free(of: other ?? pool, on: host, holdings: review.holdings).count
    }

    @Test("a request that can be met keeps what it would get, and no more")
    func ready() {
        var review = WaitingReview(on: host, Holdings())
        #expect(review.prospect(of: waiter(1)) == .ready)
        #expect(left(by: waiter(1)) == 3)
        #expect(left(by: waiter(1), waiter(2)) == 1)
    }

    @Test("a request that has to wait keeps what it could use")
    func waits() throws {
        let taken = holding(free.prefix(1))
        var review = WaitingReview(on: host, taken)
        guard case .waits(let refusal, keepsFunctions: true) = review.prospect(of: waiter(4)) else {
            Issue.record("does not wait")
            return
        }
        #expect(refusal.isTemporary)
        #expect(left(by: waiter(4), beside: taken) == 0)
        #expect(left(by: waiter(4, keeps: false), beside: taken) == 3)
    }

    @Test("a request for one function of each PF keeps one of each")
    func spread() {
        let taken = holding(free.filter { host[$0]?.virtualFunction?.physicalFunction == pfs[0] })
        #expect(left(by: waiter(2, spread: .pf), beside: taken) == 1)
    }

    @Test("a request that can never be met keeps nothing", arguments: [5, 300])
    func hopeless(count: Int) {
        var review = WaitingReview(on: host, Holdings())
        guard case .hopeless = review.prospect(of: waiter(count)) else {
            Issue.record("waits")
            return
        }
        #expect(left(by: waiter(count)) == 4)
    }

    @Test("nothing is kept in pools that the waiting user may not claim from")
    func otherPool() {
        let taken = holding(free.prefix(1))
        var other = Pool(name: "other", selector: pool.selector, access: Access(users: ["ben"]))
        #expect(left(by: waiter(4), beside: taken, in: other) == 3)
        other.access = Access(users: ["ben", "u1000"])
        #expect(left(by: waiter(4), beside: taken, in: other) == 0)
        #expect(left(by: waiter(4, uid: 0), beside: taken, in: other) == 0)
    }

    @Test("nothing is kept for requests that the quota would refuse after those before them")
    func quota() throws {
        var limited = pool
        limited.maxClaims = 2
        let waiters = [
            waiter(1, from: limited), waiter(1, from: limited), waiter(1, from: limited),
            waiter(1, from: limited, uid: 1001), waiter(1, from: pool),
        ]
        #expect(try waiters.limited(by: Counts(ofUser: [:])).map(\.keepsFunctions) == [true, true, false, true, true])
        #expect(
            try waiters.limited(by: Counts(ofUser: [1000: 1])).map(\.keepsFunctions)
                == [true, false, false, true, true])
    }

    @Test("what the quota refuses by itself need not wait")
    func refused() throws {
        var limited = pool
        limited.maxClaims = 1
        let waiters = try [waiter(1, from: limited)].limited(by: Counts(ofUser: [1000: 1]))
        let refusal = Refusal.pool("vfs", .quotaReached(holder: "user id 1000", limit: 1))
        var review = WaitingReview(on: host, Holdings())
        #expect(review.prospect(of: waiters[0]) == .hopeless(refusal))
        #expect(review.holdings.awaited.isEmpty)
    }

    @Test("requests that are to be met together are one sum for the quota")
    func together() throws {
        var limited = pool
        limited.maxClaims = 2
        let request = ClaimRequest(pool: limited, owner: .name("a"), uid: 1000)
        try [request, request].refuseBeyondQuota(Counts(ofUser: [:]))
        #expect(throws: Refusal.pool("vfs", .quotaReached(holder: "a", limit: 2))) {
            try [request, request, request].refuseBeyondQuota(Counts(ofUser: [:]))
        }
    }

    /// How many claims users have.
    private struct Counts: ClaimRecords {
        let ofUser: [Int: Int]

        func functionCount(ofOwner owner: Owner, inPool pool: String) -> Int { 0 }
        func functionCount(ofUser uid: Int, inPool pool: String) -> Int { ofUser[uid] ?? 0 }
        func firstClaim(ofOwner owner: Owner) -> (id: String, uid: Int?)? { nil }
        func claim(ofDevice name: String, ownedBy owner: Owner) -> String? { nil }
        func claims(ofMAC mac: MACAddress, on physicalFunction: PCIAddress) -> [Holdings.ClaimReference] { [] }
    }

    @Test("functions are kept for a user's requests for a time, then not for a longer one, then again")
    func times() {
        var times = KeepingTimes()
        let (length, all) = (KeepingTimes.length, KeepingTimes.length + KeepingTimes.rest)
        #expect(times.allows(.user(1000), at: 0))
        times.begin(.user(1000), at: 10)
        // A later request of the user does not begin another time.
        times.begin(.user(1000), at: 10 + length - 1)
        #expect(times.allows(.user(1000), at: 10 + length - 1))
        #expect(!times.allows(.user(1000), at: 10 + length))
        #expect(!times.allows(.user(1000), at: 10 + all - 1))
        #expect(times.allows(.user(1001), at: 10 + length) && times.allows(.request(1000), at: 10 + length))
        #expect(times.allows(.user(1000), at: 10 + all))
        times.begin(.user(1000), at: 10 + all)
        #expect(!times.allows(.user(1000), at: 10 + all + length))
    }
}
