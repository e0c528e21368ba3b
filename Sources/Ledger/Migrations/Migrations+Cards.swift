// SPDX-License-Identifier: GPL-3.0-or-later

extension Migrations {
    /// A row is about a card, and its address is only where the card was last seen. NULL in rows of earlier versions, and
    /// for a card that could not be read.
    static let ninth = """
        ALTER TABLE assignment ADD COLUMN card TEXT CHECK (card IS NULL OR json_valid(card));
        ALTER TABLE original ADD COLUMN card TEXT CHECK (card IS NULL OR json_valid(card));
        ALTER TABLE declared ADD COLUMN card TEXT CHECK (card IS NULL OR json_valid(card));
        """
}
