// SPDX-License-Identifier: GPL-3.0-or-later

/// What is recorded of live claims, as far as a new claim is judged by it.
///
/// Each question is asked only where the answer can change the decision: the ledger answers it by one indexed look-up
/// inside its transaction, and never has to read all claims for one.
public protocol ClaimRecords {
    /// How many live claims an owner has in a pool. Claims that the new one replaces do not count.
    func claimCount(ofOwner owner: Owner, inPool pool: String) throws -> Int
    /// How many live claims a user has made in a pool, for any owner. Claims that the new one replaces do not count.
    func claimCount(ofUser uid: Int, inPool pool: String) throws -> Int
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

    /// Root claims for others: it is limited as an owner, not as a user.
    ///
    /// - Throws: ``Refusal/quotaReached(pool:holder:limit:)``.
    public func refuseBeyondQuota(_ records: some ClaimRecords) throws {
        guard let limit = pool.maxClaims else { return }
        if try records.claimCount(ofOwner: owner, inPool: pool.name) >= limit {
            throw Refusal.pool(pool.name, .quotaReached(holder: ownerName, limit: limit))
        }
        if let uid, uid != 0, try records.claimCount(ofUser: uid, inPool: pool.name) >= limit {
            throw Refusal.pool(pool.name, .quotaReached(holder: "user id \(uid)", limit: limit))
        }
    }
}
