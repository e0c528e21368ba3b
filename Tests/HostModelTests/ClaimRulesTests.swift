// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Testing

/// Live claims as a list: what the ledger answers from its tables.
private struct Records: ClaimRecords {
    struct Entry {
        var claim: Holdings.ClaimReference
        var pool = "vfs"
        var functions = 1
        var uid: Int?
        var device = "data0"
        var mac: MACAddress?
    }

    var entries: [Entry] = []

    func functionCount(ofOwner owner: Owner, inPool pool: String) -> Int {
        entries.filter { $0.claim.owner == owner && $0.pool == pool }.map(\.functions).reduce(0, +)
    }

    func functionCount(ofUser uid: Int, inPool pool: String) -> Int {
        entries.filter { $0.uid == uid && $0.pool == pool }.map(\.functions).reduce(0, +)
    }

    func firstClaim(ofOwner owner: Owner) -> (id: String, uid: Int?)? {
        entries.first { $0.claim.owner == owner }.map { ($0.claim.id, $0.uid) }
    }

    func claim(ofDevice name: String, ownedBy owner: Owner) -> String? {
        entries.first { $0.device == name && $0.claim.owner == owner }?.claim.id
    }

    func claims(ofMAC mac: MACAddress, on physicalFunction: PCIAddress) -> [Holdings.ClaimReference] {
        physicalFunction == ClaimRulesTests.pf ? entries.filter { $0.mac == mac }.map(\.claim) : []
    }
}

extension Records.Entry {
    init(_ id: String, of owner: String, uid: Int? = nil, device: String = "data0", mac: MACAddress? = nil) {
        self.init(
            claim: Holdings.ClaimReference(id: id, owner: .name(owner), ownerName: owner), uid: uid, device: device,
            mac: mac)
    }
}

@Suite("A new claim, judged by the recorded ones")
struct ClaimRulesTests {
    static let pf: PCIAddress = "0000:3b:00.0"
    private let mac: MACAddress = "52:54:00:11:22:33"

    private func request(
        owner: String = "fw1", limit: Int? = nil, count: Int = 1, uid: Int? = nil, deviceName: String? = nil
    ) -> ClaimRequest {
        var pool = Pool(name: "vfs", selector: Selector())
        pool.maxClaims = limit
        return ClaimRequest(pool: pool, count: count, owner: .name(owner), uid: uid, deviceName: deviceName)
    }

    private func vf(_ index: Int, of pf: PCIAddress = pf, group: Int? = 7) throws -> Function {
        Function(
            address: try PCIAddress("0000:3b:10.\(index)"),
            identity: Identity(vendor: 0x8086, device: 0x10ca, classCode: 0x020000), iommuGroup: group,
            role: .virtualFunction(VirtualFunction(physicalFunction: pf, index: index)))
    }

    private func draft(
        _ request: ClaimRequest, _ functions: [Function], names: [String?] = [], mac: MACAddress? = nil
    ) -> ClaimDraft {
        ClaimDraft(
            request: request,
            slots: functions.enumerated().map { position, function in
                ClaimDraft.Slot(
                    function: function, settings: VFSettings(mac: mac), numaNode: function.numaNode,
                    name: names.indices.contains(position) ? names[position] : nil)
            })
    }

    @Test("a quota counts functions, of the claims that there are and of the new one")
    func functions() throws {
        var three = Records.Entry("c1", of: "fw1", uid: 1000)
        three.functions = 3
        let records = Records(entries: [three])
        for count in [2, 100, .max] {
            #expect(throws: Refusal.pool("vfs", .quotaReached(holder: "fw1", limit: 4))) {
                try request(limit: 4, count: count, uid: 0).refuseBeyondQuota(records)
            }
            #expect(throws: Refusal.pool("vfs", .quotaReached(holder: "user id 1000", limit: 4))) {
                try request(owner: "fw2", limit: 4, count: count == 2 ? 2 : 3, uid: 1000).refuseBeyondQuota(records)
            }
        }
        try request(limit: 4, count: 1, uid: 1000).refuseBeyondQuota(records)
        #expect(throws: Refusal.self) { try request(limit: 2, count: 3).refuseBeyondQuota(Records()) }
        try request(limit: 2, count: 2).refuseBeyondQuota(Records())
    }

    @Test("a quota counts an owner's functions, and those of a user other than root for any owner")
    func quota() throws {
        let records = Records(entries: [.init("c1", of: "fw1", uid: 1000), .init("c2", of: "fw2", uid: 0)])
        #expect(throws: Refusal.pool("vfs", .quotaReached(holder: "fw1", limit: 1))) {
            try request(limit: 1).refuseBeyondQuota(records)
        }
        #expect(throws: Refusal.pool("vfs", .quotaReached(holder: "user id 1000", limit: 1))) {
            try request(owner: "fw3", limit: 1, uid: 1000).refuseBeyondQuota(records)
        }
        try request(owner: "fw3", limit: 1, uid: 0).refuseBeyondQuota(records)
        try request(limit: 2, uid: 1000).refuseBeyondQuota(records)
        try request(uid: 1000).refuseBeyondQuota(records)
    }

    @Test("a plain name belongs to the user of its first live claim; root claims under every name")
    func othersName() throws {
        let records = Records(entries: [
            .init("c1", of: "fw1", uid: 1000), .init("c2", of: "fw1", uid: 0), .init("c3", of: "fw2", uid: 0),
            .init("c4", of: "fw3"),
        ])
        try request(owner: "fw1", uid: 1000).refuseOthersName(records)
        try request(owner: "fw4", uid: 1001).refuseOthersName(records)
        for name in ["fw1", "fw2", "fw3"] {
            let refusal = #expect(throws: Refusal.self) {
                try request(owner: name, uid: 1001).refuseOthersName(records)
            }
            #expect(refusal?.code == "not-permitted" && refusal?.subject == name)
            try request(owner: name, uid: 0).refuseOthersName(records)
            try request(owner: name).refuseOthersName(records)
        }
        let forUser = Records(entries: [.init("c1", of: "uid-1001", uid: 0)])
        try request(owner: "uid-1001", uid: 1001).refuseOthersName(forUser)
    }

    @Test("a quota of one pool does not count claims of another")
    func quotaOfAnotherPool() throws {
        var entry = Records.Entry("c1", of: "fw1", uid: 1000)
        entry.pool = "other"
        try request(limit: 1, uid: 1000).refuseBeyondQuota(Records(entries: [entry]))
    }

    @Test("an owner has a device name once, and another owner may have the same")
    func names() throws {
        let records = Records(entries: [.init("c1", of: "fw1")])
        #expect(throws: Refusal.request(.deviceNameTaken("data0", owner: "fw1", claim: "c1"))) {
            try draft(request(deviceName: "data0"), [vf(0)]).assignments(inClaim: "c2", beside: records)
        }
        let other = try draft(request(owner: "fw2", deviceName: "data0"), [vf(0)])
            .assignments(inClaim: "c2", beside: records)
        #expect(other.map(\.name) == ["data0"])
    }

    @Test("two devices of one claim cannot have one name")
    func namesWithin() throws {
        #expect(throws: Refusal.request(.deviceNameTaken("a", owner: "fw1", claim: "c2"))) {
            try draft(request(), [vf(0), vf(1)], names: ["a", "a"]).assignments(inClaim: "c2", beside: Records())
        }
    }

    @Test("two owners cannot have one MAC address on one PF; on another PF, or for the same owner, it is allowed")
    func macs() throws {
        let records = Records(entries: [.init("c1", of: "fw1", device: "x", mac: mac)])
        let refusal = Refusal.request(.macInUse(mac, physicalFunction: Self.pf, claim: "c1", owner: "fw1"))
        #expect(throws: refusal) {
            try draft(request(owner: "fw2"), [vf(0)], mac: mac).assignments(inClaim: "c2", beside: records)
        }
        let elsewhere = try draft(request(owner: "fw2"), [vf(0, of: "0000:5e:00.0")], mac: mac)
        #expect(try elsewhere.assignments(inClaim: "c2", beside: records).count == 1)
        #expect(try draft(request(), [vf(0)], mac: mac).assignments(inClaim: "c2", beside: records).count == 1)
        #expect(try draft(request(owner: "fw2"), [vf(0)]).assignments(inClaim: "c2", beside: records).count == 1)
    }

    @Test("of several claims with a MAC address, the one of another owner counts")
    func macOfSeveral() throws {
        let records = Records(entries: [
            .init("c1", of: "fw1", device: "x", mac: mac), .init("c2", of: "fw2", device: "x", mac: mac),
        ])
        #expect(throws: Refusal.request(.macInUse(mac, physicalFunction: Self.pf, claim: "c2", owner: "fw2"))) {
            try draft(request(), [vf(0)], mac: mac).assignments(inClaim: "c3", beside: records)
        }
    }

    @Test("devices without a name are named after the claim, companions after the device that they accompany")
    func givenNames() throws {
        func names(_ draft: ClaimDraft) throws -> [String] {
            try draft.assignments(inClaim: "c7", beside: Records()).map(\.name)
        }
        #expect(try names(draft(request(), [vf(0)])) == ["c7"])
        #expect(try names(draft(request(), [vf(0), vf(1)])) == ["c7-0", "c7-1"])
        #expect(try names(draft(request(), [vf(0), vf(1)], names: [nil, "own"])) == ["c7-0", "own"])
        let long = String(repeating: "n", count: 40)
        let accompanied = ClaimDraft(
            request: request(deviceName: long),
            slots: [
                .init(function: try vf(0), settings: VFSettings(), numaNode: 0),
                .init(function: try vf(1), settings: VFSettings(), numaNode: 0, companionOf: "0000:3b:10.0"),
            ])
        let assignments = try accompanied.assignments(inClaim: "c7", beside: Records())
        #expect(assignments.map(\.name) == [long, long.prefix(36) + "-f1"])
        #expect(assignments.map(\.companionOf) == [nil, long])
    }

    @Test("a function without an IOMMU group is refused")
    func withoutGroup() throws {
        #expect(throws: Refusal.noIOMMU) {
            try draft(request(), [vf(0, group: nil)]).assignments(inClaim: "c1", beside: Records())
        }
    }
}
