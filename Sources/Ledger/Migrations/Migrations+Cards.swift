// SPDX-License-Identifier: GPL-3.0-or-later

extension Migrations {
    /// A row is about a card, and its address is only where the card was last seen. NULL in rows of earlier versions, and
    /// for a card that could not be read.
    static let ninth = """
        ALTER TABLE assignment ADD COLUMN card TEXT CHECK (card IS NULL OR json_valid(card));
        ALTER TABLE original ADD COLUMN card TEXT CHECK (card IS NULL OR json_valid(card));
        ALTER TABLE declared ADD COLUMN card TEXT CHECK (card IS NULL OR json_valid(card));
        """

    /// The card at each address, as the daemon saw it last. `bootID` is NULL where nothing was at the last look; `former` is
    /// the card that configuration files mean by the address. `assignment.formers` has the addresses that a function had
    /// before.
    static let tenth = """
        CREATE TABLE place (
            address TEXT PRIMARY KEY,
            card    TEXT NOT NULL CHECK (json_valid(card)),
            bootID  TEXT,
            former  TEXT CHECK (former IS NULL OR json_valid(former))
        ) WITHOUT ROWID;
        ALTER TABLE assignment ADD COLUMN formers TEXT CHECK (formers IS NULL OR json_valid(formers));
        """

    /// For the quota of a user, which would otherwise read every claim there ever was.
    static let twelfth = """
        CREATE INDEX claimByUser ON claim (uid, pool) WHERE state <> 'released' AND uid IS NOT NULL;
        """

    /// A function in doubt keeps another reason for which it is in quarantine.
    static let eleventh = """
        CREATE TABLE doubt (
            address TEXT PRIMARY KEY,
            reason  TEXT NOT NULL,
            since   INTEGER NOT NULL
        ) WITHOUT ROWID;
        INSERT INTO doubt (address, reason, since)
        SELECT address, reason, since FROM quarantine WHERE reason LIKE 'not certain which card this is: %';
        DELETE FROM quarantine WHERE reason LIKE 'not certain which card this is: %';
        """
}
