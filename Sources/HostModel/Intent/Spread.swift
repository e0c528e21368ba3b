// SPDX-License-Identifier: GPL-3.0-or-later

/// How a claim's functions are spread over cards.
public enum Spread: String, Hashable, Sendable, Codable, CaseIterable {
    /// As they come.
    case any
    /// Each on another PF: one card, or its port, can fail.
    case pf
    /// All on one PF.
    case onePF = "one-pf"
}
