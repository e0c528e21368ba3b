// SPDX-License-Identifier: GPL-3.0-or-later
public import GRDB
public import HostModel

extension DatabaseError: Reportable {
    /// SQLite's reason, without the statement and its arguments.
    public var report: ErrorReport {
        let reason: String? = message
        if resultCode == .SQLITE_FULL {
            return ErrorReport(
                .noRoom, "disk-full", "ledger", "cannot write the ledger: its disk is full",
                remedy: "make room on the disk of the ledger: df /var/lib/buslane shows how much there is")
        }
        return ErrorReport(
            .failed, "internal", "ledger",
            "cannot read or write the ledger: \(reason ?? "no reason given") (SQLite code \(extendedResultCode.rawValue))",
            remedy: "check the disk of the ledger; journalctl -u buslaned has more")
    }
}
