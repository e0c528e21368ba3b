// SPDX-License-Identifier: GPL-3.0-or-later

extension Migrations {
    /// Makes a claim write fewer pages, which is most of its cost:
    /// - `AUTOINCREMENT` goes, and its table with it: rows of `claim` and `audit` are never deleted, so numbers grow anyway.
    /// - `assignment` becomes `WITHOUT ROWID`: its primary key needs no second tree.
    /// - The index by MAC address leaves out VFs without one.
    /// - `IN` in a CHECK builds a table of the list each time; comparisons with `OR` do not.
    static let eighth = """
        CREATE TABLE newClaim (
            number     INTEGER PRIMARY KEY,
            generation INTEGER NOT NULL CHECK (generation >= 1),
            pool       TEXT NOT NULL,
            owner      TEXT NOT NULL,
            ownerName  TEXT NOT NULL,
            numa       TEXT NOT NULL,
            state      TEXT NOT NULL CHECK (
                state = 'pending' OR state = 'bound' OR state = 'inUse' OR state = 'releasing' OR state = 'released'),
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
            endsAt, endsInBoot, usedInBoot, usedSince)
        SELECT number, generation, pool, owner, ownerName, numa, state, createdAt, endedAt, uid, ttl, endsAt, endsInBoot,
            usedInBoot, usedSince
        FROM claim;
        DROP TABLE claim;
        ALTER TABLE newClaim RENAME TO claim;
        CREATE INDEX claimByOwner ON claim (owner) WHERE state <> 'released';
        CREATE INDEX claimByEnd ON claim (endsAt) WHERE ttl IS NOT NULL AND state <> 'released';

        CREATE TABLE newAssignment (
            claim      INTEGER NOT NULL,
            slot       INTEGER NOT NULL,
            owner      TEXT NOT NULL,
            name       TEXT NOT NULL,
            address    TEXT NOT NULL UNIQUE,
            bootID     TEXT NOT NULL,
            iommuGroup INTEGER NOT NULL,
            numaNode   INTEGER CHECK (numaNode >= 0),
            isNetwork  INTEGER NOT NULL CHECK (isNetwork = 0 OR isNetwork = 1),
            physicalFunction TEXT,
            vfIndex    INTEGER CHECK (vfIndex >= 0),
            settings   TEXT NOT NULL CHECK (json_valid(settings)),
            original   TEXT NOT NULL CHECK (json_valid(original)),
            companionOf TEXT,
            PRIMARY KEY (claim, slot),
            UNIQUE (owner, name),
            FOREIGN KEY (claim, owner) REFERENCES claim (number, owner),
            FOREIGN KEY (bootID, iommuGroup, owner) REFERENCES groupOwner (bootID, iommuGroup, owner)
        ) WITHOUT ROWID;
        INSERT INTO newAssignment (claim, slot, owner, name, address, bootID, iommuGroup, numaNode, isNetwork,
            physicalFunction, vfIndex, settings, original, companionOf)
        SELECT claim, slot, owner, name, address, bootID, iommuGroup, numaNode, isNetwork, physicalFunction, vfIndex,
            settings, original, companionOf
        FROM assignment;
        DROP TABLE assignment;
        ALTER TABLE newAssignment RENAME TO assignment;
        CREATE INDEX assignmentByGroup ON assignment (bootID, iommuGroup, owner);
        CREATE INDEX assignmentByMAC ON assignment (physicalFunction, json_extract(settings, '$.mac'))
        WHERE json_extract(settings, '$.mac') IS NOT NULL;
        CREATE TRIGGER lastOneOutFreesTheGroup AFTER DELETE ON assignment
        WHEN NOT EXISTS (
            SELECT 1 FROM assignment WHERE bootID = OLD.bootID AND iommuGroup = OLD.iommuGroup
        )
        BEGIN
            DELETE FROM groupOwner WHERE bootID = OLD.bootID AND iommuGroup = OLD.iommuGroup;
        END;

        CREATE TABLE newAudit (
            id      INTEGER PRIMARY KEY,
            at      INTEGER NOT NULL,
            uid     INTEGER,
            pid     INTEGER,
            verb    TEXT NOT NULL,
            subject TEXT NOT NULL,
            detail  TEXT NOT NULL,
            result  TEXT NOT NULL
        );
        INSERT INTO newAudit (id, at, uid, pid, verb, subject, detail, result)
        SELECT id, at, uid, pid, verb, subject, detail, result FROM audit;
        DROP TABLE audit;
        ALTER TABLE newAudit RENAME TO audit;
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
