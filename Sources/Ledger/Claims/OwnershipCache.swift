// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Synchronization

/// By function, the live claim that has it: what each decision needs, and would read thousands of rows for.
///
/// For those who write alone, and they do one after the other. The two places that give a function away and take it back
/// tell of it here; a write that is undone makes the table be read again.
final class OwnershipCache: Sendable {
    private struct Known {
        var claims: [PCIAddress: Holdings.ClaimReference]
        /// By claim, so that one that ends need not be looked for.
        var functions: [String: [PCIAddress]]
    }

    private let known = Mutex<Known?>(nil)

    /// - Parameter read: what the table says, where it is not known.
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
