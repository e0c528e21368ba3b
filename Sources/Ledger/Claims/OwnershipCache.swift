// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Synchronization

/// Caches the live claim of each claimed function. Every allocation needs all of them, and would have to read thousands
/// of rows.
///
/// Only writes use it, and they run one after the other. The two writes that change ownership, allocating and ending a
/// claim, update it. After a write that was rolled back the table is read again.
final class OwnershipCache: Sendable {
    private struct Known {
        var claims: [PCIAddress: Holdings.ClaimReference]
        /// By claim, so that the functions of a claim that ends need no search.
        var functions: [String: [PCIAddress]]
    }

    private let known = Mutex<Known?>(nil)

    /// - Parameter read: reads the table; called if nothing is cached.
    func all(
        _ read: () throws -> [PCIAddress: Holdings.ClaimReference]
    ) rethrows -> [PCIAddress: Holdings.ClaimReference] {
        if let known = known.withLock(\.self) { return known.claims }
        let claims = try read()
        let functions = Dictionary(grouping: claims.keys) { claims[$0]?.id ?? "" }
        known.withLock { $0 = Known(claims: claims, functions: functions) }
        return claims
    }

    func add(_ claim: Claim) {
        let reference = Holdings.ClaimReference(id: claim.id, owner: claim.owner, ownerName: claim.ownerName)
        known.withLock { known in
            for assignment in claim.assignments { known?.claims[assignment.address] = reference }
            known?.functions[claim.id] = claim.assignments.map(\.address)
        }
    }

    func remove(claim id: String) {
        known.withLock { known in
            for address in known?.functions.removeValue(forKey: id) ?? [] { known?.claims[address] = nil }
        }
    }

    func forget() { known.withLock { $0 = nil } }
}
