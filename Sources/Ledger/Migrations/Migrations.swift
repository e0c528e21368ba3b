// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB

/// The migrations of the ledger's schema. A migration that has been released is never edited.
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
        migrator.registerMigration("9: the card that a row is about") { db in
            try db.execute(sql: ninth)
        }
        migrator.registerMigration("10: the card at each address") { db in
            try db.execute(sql: tenth)
        }
        migrator.registerMigration("11: doubts beside other reasons") { db in
            try db.execute(sql: eleventh)
        }
        migrator.registerMigration("12: live claims by user") { db in
            try db.execute(sql: twelfth)
        }
        migrator.registerMigration("13: repeated entries, and entries that were moved to a file") { db in
            try db.execute(sql: thirteenth)
        }
        return migrator
    }

    static let sixth = """
        ALTER TABLE assignment ADD COLUMN companionOf TEXT;
        CREATE INDEX assignmentByMAC ON assignment (physicalFunction, json_extract(settings, '$.mac'));
        """

    static let seventh = """
        CREATE TABLE deviceChange (
            domain     TEXT NOT NULL,
            domainName TEXT NOT NULL,
            device     TEXT NOT NULL,
            kind       TEXT NOT NULL CHECK (kind IN ('attaching', 'detaching', 'evicting', 'evicted')),
            PRIMARY KEY (domain, device)
        ) WITHOUT ROWID;
        """

    /// SQLite cannot change a CHECK, so the table is created again. The row of a claim is never deleted, so numbering
    /// continues after the last. Source: https://www.sqlite.org/lang_altertable.html#otheralter.
    static let fifth = """
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

    /// `endsAt` is in seconds since the boot `endsInBoot`, and means nothing in another boot.
    static let third = """
        ALTER TABLE claim ADD COLUMN uid INTEGER;
        ALTER TABLE claim ADD COLUMN ttl INTEGER CHECK (ttl > 0);
        ALTER TABLE claim ADD COLUMN endsAt INTEGER;
        ALTER TABLE claim ADD COLUMN endsInBoot TEXT;
        CREATE INDEX claimByEnd ON claim (endsAt) WHERE ttl IS NOT NULL AND state <> 'released';
        """

    static let second = """
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
