// SPDX-License-Identifier: GPL-3.0-or-later

/// Something that happened on the host, for monitoring. The audit trail says who asked for it, an event says what happened.
public struct Event: Sendable, Hashable, Identifiable {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The declared state was applied.
        case applied
        /// A request was refused; or a drift is not repaired, for the reason in the detail.
        case refused
        /// A request failed after it had begun, and was undone.
        case failed
        /// The host is no longer as Buslane left it.
        case drifted
        /// A drift was repaired.
        case repaired
        /// A function was put into quarantine.
        case quarantined
        /// A function left quarantine.
        case recovered
        /// A declared device is missing.
        case degraded
    }

    public let id: Int
    /// Seconds since 1970.
    public let at: Int
    public let kind: Kind
    /// A function, a pool, a claim or `host`.
    public let subject: String
    public let detail: String
}
