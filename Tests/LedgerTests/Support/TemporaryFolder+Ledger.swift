// SPDX-License-Identifier: GPL-3.0-or-later
import TemporaryFiles

extension TemporaryFolder {
    /// The path of the test's ledger.
    var ledger: String { path + "/ledger.sqlite" }
}
