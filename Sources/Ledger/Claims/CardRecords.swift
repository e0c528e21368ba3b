// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

/// The cards that the ledger's claims, originals and declarations are about.
public struct CardRecords: Sendable {
    let commits: Commits
    let queries: Queries
    let ownership: OwnershipCache
    /// Seconds since 1970.
    let now: @Sendable () -> Int

    /// One entry for each address and identity.
    public func recorded(bootID: String) async throws -> [RecordedCard] {
        try await queries.run { try $0.cardRows.recorded(bootID: bootID) }
    }

    /// Which cards were where at the last look.
    public func lastLook() async throws -> LastLook { try await queries.run { try $0.places.lastLook() } }

    /// Makes everything that is recorded for an address be about the card that is there now.
    public func confirm(cardAt address: PCIAddress, as card: CardIdentity) async throws {
        let at = now()
        try await commits.run { try $0.cardRows.confirm(card, at: address, now: at) }
    }

    /// Makes each address mean the card that is there now, and frees cards that were kept apart for having another's.
    public func acceptPlaces() async throws {
        let strangers = try await queries.run { try $0.quarantine.lasting().filter { CardDoubt.isStranger($0.value) } }
        let formers = try await lastLook().formers
        if strangers.isEmpty, formers.isEmpty { return }
        let at = now()
        try await commits.run { db in
            try db.places.acceptAll()
            for address in strangers.keys.sorted() {
                try db.quarantine.removeLasting(address, detail: "the configuration was applied since", at: at)
            }
        }
    }

    /// Makes an address mean the card that is there now.
    public func acceptPlace(at address: PCIAddress) async throws {
        try await commits.run { try $0.places.accept(at: address) }
    }

    /// Makes each row be about the card that it means, puts functions in doubt into quarantine, and frees those that no
    /// longer are: one commit, with its audit entries. Writes nothing when nothing differs.
    ///
    /// A card in the place of another one is free once its address means what is there, or a recorded card is there.
    ///
    /// If the ledger's keys forbid a move, no card moves: those that were to move are in doubt, and the daemon can start.
    ///
    /// - Parameter look: which cards are where now.
    /// - Returns: what was settled, without the doubts that were recorded before.
    @discardableResult
    public func settle(
        _ settlement: CardSettlement, _ look: LastLook, bootID: String
    ) async throws -> CardSettlement {
        do {
            return try await write(settlement, look, bootID: bootID)
        } catch let error as DatabaseError where error.resultCode.primaryResultCode == .SQLITE_CONSTRAINT {
            let rest = settlement.withoutMoves(because: "the ledger has no room for its move (\(error.message ?? ""))")
            return try await write(rest, look, bootID: bootID)
        }
    }

    private func write(
        _ settlement: CardSettlement, _ look: LastLook, bootID: String
    ) async throws -> CardSettlement {
        let (quarantine, inDoubt, last) = try await queries.run {
            (try $0.quarantine.lasting(), Set(try $0.quarantine.doubts().keys), try $0.places.lastLook())
        }
        let new = settlement.withoutDoubts(about: inDoubt)
        let free = quarantine.filter { address, reason in
            CardDoubt.isStranger(reason)
                && (look.places[address]?.former == nil || settlement.places.contains(address))
        }.keys.sorted()
        guard
            !settlement.corrections.isEmpty || !settlement.strangers.isEmpty || !free.isEmpty
                || inDoubt != Set(settlement.doubts.keys) || look != last
        else { return new }
        let at = now()
        try await commits.run { [ownership] db in
            try db.places.replace(last, by: look)
            for address in free {
                try db.quarantine.removeLasting(address, detail: "the card that is meant is here", at: at)
            }
            try db.cardRows.apply(settlement.corrections, bootID: bootID)
            ownership.forget()
            for (subject, detail) in settlement.moves {
                try db.audit.write(AuditEntry.Draft("move", subject: subject, detail: detail, actor: .daemon), at: at)
            }
            try db.quarantine.setDoubts(settlement.doubts, at: at)
            for (address, other) in settlement.strangers.sorted(by: { $0.key < $1.key }) {
                let reason = CardDoubt.strangerReason(former: other)
                try db.quarantine.add(address, reason: reason, since: at)
            }
            for (address, doubt) in new.doubts {
                try db.audit.write(
                    AuditEntry.Draft(
                        "compare cards", subject: address.description, detail: doubt.description,
                        result: "quarantined", actor: .daemon), at: at)
            }
        }
        return new
    }
}

extension CardSettlement {
    /// For the audit trail, one entry for each card of which something has another address.
    fileprivate var moves: [(subject: String, detail: String)] {
        let moved = Dictionary(grouping: corrections.filter(\.isMove)) { $0.card.address }
        return moved.sorted { $0.key < $1.key }.compactMap { before, corrections in
            guard let now = corrections.first else { return nil }
            let claims = Set(corrections.flatMap { $0.card.functions.map(\.claim) }).sorted()
            var detail =
                now.address.isParked ? "is away, and another card has its address" : "was \(before.shown)"
            if let card = now.identity { detail += "; \(card)" }
            if !claims.isEmpty { detail += "; \(claims.joined(separator: ", "))" }
            return ((now.address.isParked ? before : now.address).description, detail)
        }
    }
}
