// SPDX-License-Identifier: GPL-3.0-or-later

/// What is recorded of live claims, as far as a new claim is judged by it.
///
/// Each question is asked only where the answer can change the decision: the ledger answers it by one indexed look-up
/// inside its transaction, and never has to read all claims for one.
public protocol ClaimRecords {
    /// How many functions an owner's live claims have in a pool, without companions. Claims that the new one replaces do not
    /// count.
    func functionCount(ofOwner owner: Owner, inPool pool: String) throws -> Int
    /// How many functions the live claims that a user made have in a pool, for any owner, without companions. Claims that
    /// the new one replaces do not count.
    func functionCount(ofUser uid: Int, inPool pool: String) throws -> Int
    /// The oldest live claim of an owner; nil when there is none.
    func firstClaim(ofOwner owner: Owner) throws -> (id: String, uid: Int?)?
    /// The id of the owner's live claim that has a device of this name; nil when the name is free.
    func claim(ofDevice name: String, ownedBy owner: Owner) throws -> String?
    /// The live claims that have a VF of this PF with this MAC address.
    func claims(ofMAC mac: MACAddress, on physicalFunction: PCIAddress) throws -> [Holdings.ClaimReference]
}

extension ClaimRequest {
    /// A plain name belongs to the user who claimed under it first, while claims of it exist. `uid-N` always is user N's, also
    /// when root has claimed under it.
    ///
    /// - Throws: ``Refusal/notPermitted(what:subject:user:remedy:)``.
    public func refuseOthersName(_ records: some ClaimRecords) throws {
        guard case .name(let name) = owner, let uid, uid != 0, name != Owner.name(ofUser: uid),
            let first = try records.firstClaim(ofOwner: owner),
            first.uid != uid
        else { return }
        throw Refusal.notPermitted(
            what: "act for", subject: name, user: "user id \(uid)",
            remedy: "choose another name: \(first.uid.map { "user id \($0)" } ?? "root") has claim \(first.id) under it"
        )
    }

    /// The functions are charged to their owner and to the user who asks. Root and the daemon claim for others: they are
    /// charged only to the owner. Nobody can use up another's limit, because only those claim for an owner who may act for
    /// it.
    ///
    /// - Throws: ``Refusal/quotaReached(pool:holder:limit:)``.
    public func refuseBeyondQuota(_ records: some ClaimRecords) throws {
        guard let limit = pool.maxClaims else { return }
        if try limit - records.functionCount(ofOwner: owner, inPool: pool.name) < count {
            throw Refusal.pool(pool.name, .quotaReached(holder: ownerName, limit: limit))
        }
        if let uid, uid != 0, try limit - records.functionCount(ofUser: uid, inPool: pool.name) < count {
            throw Refusal.pool(pool.name, .quotaReached(holder: "user id \(uid)", limit: limit))
        }
    }
}

extension [ClaimRequest] {
    /// The same for requests that are to be met together.
    public func refuseBeyondQuota(_ records: some ClaimRecords) throws {
        var records = AnticipatedRecords(beside: records)
        for request in self {
            try request.refuseBeyondQuota(records)
            records.add(request)
        }
    }
}

/// What will be recorded when some requests have their claims: for quotas.
struct AnticipatedRecords<Recorded: ClaimRecords>: ClaimRecords {
    private struct Share: Hashable {
        var owner: Owner?
        var uid: Int?
        let pool: String
    }

    private let recorded: Recorded
    /// The number of functions to come.
    private var coming: [Share: Int] = [:]

    init(beside recorded: Recorded) { self.recorded = recorded }

    mutating func add(_ request: ClaimRequest) {
        coming[Share(owner: request.owner, pool: request.pool.name), default: 0] += request.count
        if let uid = request.uid { coming[Share(uid: uid, pool: request.pool.name), default: 0] += request.count }
    }

    func functionCount(ofOwner owner: Owner, inPool pool: String) throws -> Int {
        try recorded.functionCount(ofOwner: owner, inPool: pool) + coming[Share(owner: owner, pool: pool), default: 0]
    }

    func functionCount(ofUser uid: Int, inPool pool: String) throws -> Int {
        try recorded.functionCount(ofUser: uid, inPool: pool) + coming[Share(uid: uid, pool: pool), default: 0]
    }

    func firstClaim(ofOwner owner: Owner) throws -> (id: String, uid: Int?)? { try recorded.firstClaim(ofOwner: owner) }

    func claim(ofDevice name: String, ownedBy owner: Owner) throws -> String? {
        try recorded.claim(ofDevice: name, ownedBy: owner)
    }

    func claims(ofMAC mac: MACAddress, on physicalFunction: PCIAddress) throws -> [Holdings.ClaimReference] {
        try recorded.claims(ofMAC: mac, on: physicalFunction)
    }
}
