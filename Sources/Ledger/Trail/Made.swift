// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// The declarations that were applied to some PFs, and the claims on their functions.
public struct Made: Sendable {
    /// By PF: the declaration that was last applied. Drift is measured against it.
    public var declared: [PCIAddress: PFDeclaration] = [:]
    /// Live claims.
    public var claims: [Claim] = []
    /// Empty when there are neither declarations nor claims.
    public var holdings = Holdings()
}
