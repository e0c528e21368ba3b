// SPDX-License-Identifier: GPL-3.0-or-later
import PrintableText

extension AuditEntry {
    /// Of a text of the trail and of an event, in Unicode scalars. A client chooses some of these texts, and each refusal of
    /// its requests is written.
    public static let longestText = 200
}

extension String {
    /// The text as the audit trail and the events keep it: printable, and not longer than ``AuditEntry/longestText``.
    var recorded: String { cut(to: AuditEntry.longestText).printable }
}
