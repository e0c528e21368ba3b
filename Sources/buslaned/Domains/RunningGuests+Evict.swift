// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import DomainXML
import HostModel
import Ledger

/// So that a guest can be migrated or saved: without a device of the host's it can.
extension RunningGuests {
    /// Takes all of Buslane's devices out of the running guest, or none. The persistent XML and the claims stay.
    ///
    /// - Parameter releasing: gives the claims back too, for a guest that will not come back to this host: its
    ///   persistent XML, which would name functions that are not its own any more, gives them up as well.
    func evict(
        _ name: String, within limit: Duration, releasing: Bool, by peer: PeerCredentials
    ) async throws -> DomainDocument {
        try await alone(with: name) {
            let picture = try await picture(of: name)
            guard let live = picture.live else { throw Refusal.domain(name, .notRunning) }
            let devices = live.injected
            let names = devices.map(\.name)
            try picture.refuseUnplugging(names)
            let detail = (names + (releasing ? ["and release"] : [])).joined(separator: " ")
            try await reconciler.audited("domain evict", subject: name, detail: detail, by: peer.actor) {
                try await ledger.begin(picture.changes(of: names, .evicting))
                let unplugging = try await unplug(names, from: picture, within: limit)
                if unplugging.kept.isEmpty {
                    try await settleUse(of: name)
                    try await ledger.begin(picture.changes(of: names, .evicted))
                } else {
                    try await readmit(unplugging, to: picture)
                }
                if releasing { try await release(picture, by: peer.actor) }
            }
            return try await self.picture(of: name).document(
                devices.map { .init(name: $0.name, address: $0.address) }, .live)
        }
    }

    /// The guest keeps some: those that it gave up go back in.
    private func readmit(_ unplugging: Unplugging, to picture: DomainPicture) async throws {
        var again: [String] = []
        for device in unplugging.gone {
            do {
                try await plugAgain(device, of: picture)
                again.append(device)
            } catch {
                reconciler.logger.error(
                    "not plugged in again",
                    metadata: ["domain": "\(picture.name)", "device": "\(device)", "error": "\(error)"])
            }
        }
        try await settleUse(of: picture.name)
        try await ledger.end(changesOf: unplugging.gone + unplugging.kept, in: picture.uuid)
        if let failure = unplugging.failure { throw failure }
        throw Refusal.domain(
            picture.name,
            .evictionUndone(
                kept: unplugging.kept, unplugging.answer, pluggedAgain: again,
                lost: unplugging.gone.filter { !again.contains($0) }))
    }

    /// - Throws: when nothing is held under its name any more.
    func plugAgain(_ device: String, of picture: DomainPicture) async throws {
        let now = try await self.picture(of: picture.name)
        try await plug(try now.devices([device]), readying: now)
    }

    private func release(_ picture: DomainPicture, by actor: AuditEntry.Actor) async throws {
        try await takeOut((picture.config?.injected ?? []).map(\.name), of: picture.name)
        for claim in try await self.picture(of: picture.name).claims {
            try await reconciler.releaseWhenClosed(claim, within: patience, by: actor)
        }
        try await ledger.end(changesOf: picture.deviceNames, in: picture.uuid)
    }

    /// Claims what the domain requests, and plugs in whatever it holds: on this host again, or on another one, where
    /// nothing is known of an eviction.
    func readmit(_ name: String, by peer: PeerCredentials) async throws -> DomainDocument {
        try await attach(name, Order(scope: .live), verb: "domain readmit", by: peer)
    }
}
