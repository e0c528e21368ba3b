// SPDX-License-Identifier: GPL-3.0-or-later
import PrintableText

extension String {
    /// The text as the audit trail and the events keep it: printable, and of 200 characters at most. A client chooses
    /// some of these texts, and each refusal of its requests is written.
    var recorded: String { cut(to: 200).printable }
}
