// SPDX-License-Identifier: GPL-3.0-or-later

/// Something that cannot happen, and did: a defect of Buslane.
public struct Inconsistency: Reportable, Hashable {
    /// What was found, as a clause: `the ledger made no claim for one request`.
    public let finding: String

    public init(_ finding: String) { self.finding = finding }

    public var report: ErrorReport {
        ErrorReport(
            .failed, "internal", "daemon", "Buslane contradicts itself: \(finding)",
            remedy: "this is a defect: report it with the output of journalctl -u buslaned")
    }
}
