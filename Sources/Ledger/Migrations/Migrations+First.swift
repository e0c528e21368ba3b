// SPDX-License-Identifier: GPL-3.0-or-later

extension Migrations {
    /// Only live claims have rows in `assignment`. Unique keys therefore forbid two claims on one function, and two
    /// owners in one IOMMU group of one boot, whatever the code decides.
    static let first = """
        CREATE TABLE claim (
            number     INTEGER PRIMARY KEY AUTOINCREMENT,
            generation INTEGER NOT NULL CHECK (generation >= 1),
            pool       TEXT NOT NULL,
            owner      TEXT NOT NULL,
            ownerName  TEXT NOT NULL,
            numa       TEXT NOT NULL,
            state      TEXT NOT NULL CHECK (state IN ('pending', 'bound', 'releasing', 'released')),
            createdAt  INTEGER NOT NULL,
            endedAt    INTEGER,
            UNIQUE (number, owner),
            CHECK ((state = 'released') = (endedAt IS NOT NULL))
        );
        CREATE INDEX claimByOwner ON claim (owner) WHERE state <> 'released';

        CREATE TABLE groupOwner (
            bootID     TEXT NOT NULL,
            iommuGroup INTEGER NOT NULL,
            owner      TEXT NOT NULL,
            PRIMARY KEY (bootID, iommuGroup),
            UNIQUE (bootID, iommuGroup, owner)
        ) WITHOUT ROWID;

        CREATE TABLE assignment (
            claim      INTEGER NOT NULL,
            slot       INTEGER NOT NULL,
            owner      TEXT NOT NULL,
            name       TEXT NOT NULL,
            address    TEXT NOT NULL UNIQUE,
            bootID     TEXT NOT NULL,
            iommuGroup INTEGER NOT NULL,
            numaNode   INTEGER CHECK (numaNode >= 0),
            isNetwork  INTEGER NOT NULL CHECK (isNetwork IN (0, 1)),
            physicalFunction TEXT,
            vfIndex    INTEGER CHECK (vfIndex >= 0),
            settings   TEXT NOT NULL CHECK (json_valid(settings)),
            original   TEXT NOT NULL CHECK (json_valid(original)),
            PRIMARY KEY (claim, slot),
            UNIQUE (owner, name),
            FOREIGN KEY (claim, owner) REFERENCES claim (number, owner),
            FOREIGN KEY (bootID, iommuGroup, owner) REFERENCES groupOwner (bootID, iommuGroup, owner)
        );
        CREATE INDEX assignmentByGroup ON assignment (bootID, iommuGroup, owner);

        CREATE TRIGGER lastOneOutFreesTheGroup AFTER DELETE ON assignment
        WHEN NOT EXISTS (
            SELECT 1 FROM assignment WHERE bootID = OLD.bootID AND iommuGroup = OLD.iommuGroup
        )
        BEGIN
            DELETE FROM groupOwner WHERE bootID = OLD.bootID AND iommuGroup = OLD.iommuGroup;
        END;

        CREATE TABLE intent (
            id         INTEGER PRIMARY KEY AUTOINCREMENT,
            bootID     TEXT NOT NULL,
            purpose    TEXT NOT NULL,
            claim      INTEGER,
            subject    TEXT NOT NULL,
            goingFrom  TEXT NOT NULL CHECK (json_valid(goingFrom)),
            goingTo    TEXT NOT NULL CHECK (json_valid(goingTo)),
            action     TEXT NOT NULL CHECK (json_valid(action)),
            openedAt   INTEGER NOT NULL
        );

        CREATE TABLE original (
            physicalFunction TEXT PRIMARY KEY,
            state            TEXT NOT NULL CHECK (json_valid(state))
        ) WITHOUT ROWID;

        CREATE TABLE quarantine (
            address TEXT PRIMARY KEY,
            reason  TEXT NOT NULL,
            since   INTEGER NOT NULL
        ) WITHOUT ROWID;

        CREATE TABLE audit (
            id      INTEGER PRIMARY KEY AUTOINCREMENT,
            at      INTEGER NOT NULL,
            uid     INTEGER,
            pid     INTEGER,
            verb    TEXT NOT NULL,
            subject TEXT NOT NULL,
            detail  TEXT NOT NULL,
            result  TEXT NOT NULL
        );
        CREATE TRIGGER auditIsNeverRewritten BEFORE UPDATE ON audit
        BEGIN
            SELECT RAISE(ABORT, 'the audit trail is append-only');
        END;
        CREATE TRIGGER auditIsNeverShortened BEFORE DELETE ON audit
        BEGIN
            SELECT RAISE(ABORT, 'the audit trail is append-only');
        END;
        """
}
