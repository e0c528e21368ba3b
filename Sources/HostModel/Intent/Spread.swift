// SPDX-License-Identifier: GPL-3.0-or-later

/// How a claim's functions are spread across PFs.
public enum Spread: String, Hashable, Sendable, Codable, CaseIterable {
    /// No constraint.
    case any
    /// Each on a different PF, so that the failure of one port affects one function.
    case pf
    /// All on one PF.
    case onePF = "one-pf"
}
