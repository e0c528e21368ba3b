// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Testing

@Suite("Permissions")
struct AccessTests {
    private let alice = Caller(uid: 1000, user: "alice", groups: ["alice", "vnf"])
    private let nameless = Caller(uid: 2000, user: nil)

    private func pool(_ access: Access?) -> Pool {
        Pool(name: "vfs", selector: Selector(kinds: [.virtualFunction]), access: access)
    }

    private func refusal(_ check: () throws(Refusal) -> Void) -> Refusal? {
        do throws(Refusal) { try check() } catch { return error }
        return nil
    }

    @Test(
        "a pool without access rules is open to every user of the socket; otherwise to the named users and groups, and root"
    )
    func pools() {
        #expect(refusal { () throws(Refusal) in try nameless.mustBeAdmitted(to: pool(nil)) } == nil)
        for access in [Access(users: ["alice"]), Access(groups: ["vnf"]), Access(users: ["bob"], groups: ["vnf"])] {
            #expect(refusal { () throws(Refusal) in try alice.mustBeAdmitted(to: pool(access)) } == nil)
            #expect(refusal { () throws(Refusal) in try Caller.root.mustBeAdmitted(to: pool(access)) } == nil)
            #expect(refusal { () throws(Refusal) in try nameless.mustBeAdmitted(to: pool(access)) } != nil)
        }
        // A pool that names no user and no group is open only to root.
        let refused = refusal { () throws(Refusal) in try alice.mustBeAdmitted(to: pool(Access(users: ["bob"]))) }
        #expect(refused?.code == "not-permitted")
        #expect(refused?.message == "alice may not claim from pool vfs")
        #expect(refused?.remedy == "the pool's 'allow' has users: [bob]; root can add to it")
        #expect(refusal { () throws(Refusal) in try alice.mustBeAdmitted(to: pool(Access())) } != nil)
    }

    @Test("a claim can be released by the user that made it and by root; a claim of the daemon only by root")
    func claims() {
        func claim(_ uid: Int?) -> Claim {
            Claim(
                id: "c1", pool: "vfs", owner: .name("fw1"), ownerName: "fw1", numa: .none, state: .bound, createdAt: 0,
                uid: uid, assignments: [])
        }
        #expect(refusal { () throws(Refusal) in try alice.mustOwn(claim(1000), to: "release") } == nil)
        #expect(refusal { () throws(Refusal) in try Caller.root.mustOwn(claim(1000), to: "release") } == nil)
        #expect(refusal { () throws(Refusal) in try nameless.mustOwn(claim(1000), to: "release") }?.subject == "c1")
        #expect(refusal { () throws(Refusal) in try alice.mustOwn(claim(nil), to: "release") } != nil)
        #expect(refusal { () throws(Refusal) in try alice.mustOwn(claim(0), to: "release") } != nil)
    }

    @Test("a claim of a domain or unit also needs the right to act for it, whoever made the claim")
    func claimsForOthers() {
        func claim(_ owner: Owner) -> Claim {
            Claim(
                id: "c1", pool: "vfs", owner: owner, ownerName: "fw1", numa: .none, state: .bound, createdAt: 0,
                uid: 1000, assignments: [])
        }
        let manager = Caller(uid: 1000, user: "alice", groups: ["libvirt"])
        for owner in [domain, .unit("dpdk.service")] {
            #expect(refusal { () throws(Refusal) in try alice.mustOwn(claim(owner), to: "renew") } != nil)
            #expect(refusal { () throws(Refusal) in try Caller.root.mustOwn(claim(owner), to: "renew") } == nil)
        }
        #expect(refusal { () throws(Refusal) in try manager.mustOwn(claim(domain), to: "renew") } == nil)
        for owner in [Owner.process(pid: 7, startTime: 1), .name("router")] {
            #expect(refusal { () throws(Refusal) in try alice.mustOwn(claim(owner), to: "renew") } == nil)
        }
    }

    private let domain = Owner.domain(uuid: "4dea22b3-1d52-d8f3-2516-782e98ab3fa0")

    @Test(
        "naming an owner gives no right to it: domains need the group libvirt, units root, processes and uid-N their user",
        arguments: [
            ("domain:fw1", nil), ("domain:4dea22b3-1d52-d8f3-2516-782e98ab3fa0", nil), ("unit:dpdk.service", nil),
            ("pid:42", 1001), ("pid:42", 0), ("process:42@7", 1001), ("uid-1001", nil), ("uid-0", nil),
            ("uid-01000", nil), ("uid-99999999999999999999", nil),
        ] as [(String, Int?)])
    func othersOwners(owner: String, user: Int?) throws {
        let owner = try OwnerName(owner)
        let denied = refusal { () throws(Refusal) in try alice.mustActFor(owner, runBy: user) }
        #expect(denied?.code == "not-permitted")
        #expect(refusal { () throws(Refusal) in try Caller.root.mustActFor(owner, runBy: user) } == nil)
        let manager = Caller(uid: 1000, user: "alice", groups: ["libvirt"])
        let isDomain = owner.description.hasPrefix("domain:")
        #expect((refusal { () throws(Refusal) in try manager.mustActFor(owner, runBy: user) } == nil) == isDomain)
    }

    @Test(
        "one's own name and processes, and plain names, are free to use",
        arguments: [
            ("uid-1000", nil), ("pid:42", 1000), ("process:42@7", 1000), ("router", nil), ("uid-", nil),
            ("uid-1001x", nil), ("pid:42", nil),
        ] as [(String, Int?)])
    func ownOwners(owner: String, user: Int?) throws {
        let owner = try OwnerName(owner)
        #expect(refusal { () throws(Refusal) in try alice.mustActFor(owner, runBy: user) } == nil)
    }

    @Test("only root changes the configuration; only root and the group libvirt change domains")
    func others() {
        #expect(refusal { () throws(Refusal) in try Caller.root.mustBeRoot(to: "apply", "host") } == nil)
        #expect(refusal { () throws(Refusal) in try alice.mustBeRoot(to: "apply", "host") } != nil)
        #expect(refusal { () throws(Refusal) in try alice.mustManageDomains("fw1") } != nil)
        let carol = Caller(uid: 1001, user: "carol", groups: ["libvirt"])
        #expect(refusal { () throws(Refusal) in try carol.mustManageDomains("fw1") } == nil)
    }
}
