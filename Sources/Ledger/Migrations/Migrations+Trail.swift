// SPDX-License-Identifier: GPL-3.0-or-later

extension Migrations {
    /// An entry can stand for several: `times`. Entries may be deleted after they were moved to a file, and no others.
    static let thirteenth = """
        ALTER TABLE audit ADD COLUMN times INTEGER NOT NULL DEFAULT 1 CHECK (times >= 1);
        CREATE TABLE auditMoved (
            one  INTEGER PRIMARY KEY CHECK (one = 1),
            upTo INTEGER NOT NULL
        );
        INSERT INTO auditMoved VALUES (1, 0);
        DROP TRIGGER auditIsNeverShortened;
        CREATE TRIGGER auditIsNeverShortened BEFORE DELETE ON audit
        WHEN OLD.id > (SELECT upTo FROM auditMoved)
        BEGIN
            SELECT RAISE(ABORT, 'the audit trail is append-only');
        END;
        """
}
