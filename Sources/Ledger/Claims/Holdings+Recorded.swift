// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
import HostModel

extension Holdings {
    /// What the ledger knows of who holds what, without the declarations. Open groups, disks and foreign devices are read
    /// from the host, and are empty here.
    init(recordedIn db: Database) throws {
        self.init(
            claims: try db.assignments.holders(), quarantine: try db.quarantine.reasons(),
            originals: try db.originals.states())
    }
}
