// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB

/// The ledger's schema, a step at a time. A migration that has been released is never edited.
enum Migrations {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: claims, intents, originals, audit") { db in
            try db.execute(sql: first)
        }
        migrator.registerMigration("2: what was declared, events") { db in
            try db.execute(sql: second)
        }
        migrator.registerMigration("3: who made a claim, and how long it lives") { db in
            try db.execute(sql: third)
        }
        migrator.registerMigration("4: an intent is about a change, not about each step of it") { db in
            try db.execute(sql: "ALTER TABLE intent DROP COLUMN action")
        }
        migrator.registerMigration("5: claims that are in use") { db in
            try db.execute(sql: fifth)
        }
        migrator.registerMigration("6: functions that come with others, MAC addresses by card") { db in
            try db.execute(sql: sixth)
        }
        migrator.registerMigration("7: devices of running domains that are on their way") { db in
            try db.execute(sql: seventh)
        }
        migrator.registerMigration("8: fewer pages for a claim") { db in
            try db.execute(sql: eighth)
        }
        return migrator
    }

    private static let sixth = """
        ALTER TABLE assignment ADD COLUMN companionOf TEXT;
        CREATE INDEX assignmentByMAC ON assignment (physicalFunction, json_extract(settings, '$.mac'));
        """

    private static let seventh = """
        CREATE TABLE deviceChange (
            domain     TEXT NOT NULL,
            domainName TEXT NOT NULL,
            device     TEXT NOT NULL,
            kind       TEXT NOT NULL CHECK (kind IN ('attaching', 'detaching', 'evicting', 'evicted')),
            PRIMARY KEY (domain, device)
        ) WITHOUT ROWID;
        """

    /// SQLite cannot change a check: the table is made anew. No claim's row is ever deleted, so numbers go on from the
    /// last. Source: https://www.sqlite.org/lang_altertable.html#otheralter.
    private static let fifth = """
        CREATE TABLE newClaim (
            number     INTEGER PRIMARY KEY AUTOINCREMENT,
            generation INTEGER NOT NULL CHECK (generation >= 1),
            pool       TEXT NOT NULL,
            owner      TEXT NOT NULL,
            ownerName  TEXT NOT NULL,
            numa       TEXT NOT NULL,
            state      TEXT NOT NULL CHECK (state IN ('pending', 'bound', 'inUse', 'releasing', 'released')),
            createdAt  INTEGER NOT NULL,
            endedAt    INTEGER,
            uid        INTEGER,
            ttl        INTEGER CHECK (ttl > 0),
            endsAt     INTEGER,
            endsInBoot TEXT,
            usedInBoot TEXT,
            usedSince  INTEGER,
            UNIQUE (number, owner),
            CHECK ((state = 'released') = (endedAt IS NOT NULL)),
            CHECK ((state = 'inUse') = (usedInBoot IS NOT NULL AND usedSince IS NOT NULL))
        );
        INSERT INTO newClaim (number, generation, pool, owner, ownerName, numa, state, createdAt, endedAt, uid, ttl,
            endsAt, endsInBoot)
        SELECT number, generation, pool, owner, ownerName, numa, state, createdAt, endedAt, uid, ttl, endsAt, endsInBoot
        FROM claim;
        DROP TABLE claim;
        ALTER TABLE newClaim RENAME TO claim;
        CREATE INDEX claimByOwner ON claim (owner) WHERE state <> 'released';
        CREATE INDEX claimByEnd ON claim (endsAt) WHERE ttl IS NOT NULL AND state <> 'released';
        """

    /// `endsAt` counts from the boot that stands beside it, and means nothing in another.
    private static let third = """
        ALTER TABLE claim ADD COLUMN uid INTEGER;
        ALTER TABLE claim ADD COLUMN ttl INTEGER CHECK (ttl > 0);
        ALTER TABLE claim ADD COLUMN endsAt INTEGER;
        ALTER TABLE claim ADD COLUMN endsInBoot TEXT;
        CREATE INDEX claimByEnd ON claim (endsAt) WHERE ttl IS NOT NULL AND state <> 'released';
        """

    /// Only live claims have rows in `assignment`, so that plain unique keys forbid what must never be:
    /// two claims on one function, and two owners in one IOMMU group of this boot. Code cannot get round them.
    private static let first = """
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

    private static let second = """
        CREATE TABLE declared (
            physicalFunction TEXT PRIMARY KEY,
            declaration      TEXT NOT NULL CHECK (json_valid(declaration))
        ) WITHOUT ROWID;

        CREATE TABLE event (
            id      INTEGER PRIMARY KEY AUTOINCREMENT,
            at      INTEGER NOT NULL,
            kind    TEXT NOT NULL,
            subject TEXT NOT NULL,
            detail  TEXT NOT NULL
        );
        CREATE TRIGGER onlyTheNewestEventsStay AFTER INSERT ON event
        BEGIN
            DELETE FROM event WHERE id <= NEW.id - 10000;
        END;
        """
}
