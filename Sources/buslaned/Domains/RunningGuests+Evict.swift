// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel
import Ledger

/// Migrating and saving a guest: both need a guest without devices of the host's.
extension RunningGuests {
    /// Takes all of Buslane's devices out of the running guest, or none. The persistent XML and the claims stay.
    ///
    /// - Parameter releasing: releases the claims as well, for a guest that leaves this host for good. Its persistent XML
    ///   loses the devices too, since their functions can then be another owner's.
    func evict(
        _ name: String, within limit: Duration, releasing: Bool, by actor: AuditEntry.Actor
    ) async throws -> EditedDomain {
        try await access.exclusively(onDomain: name) {
            let picture = try await pictures.picture(of: name)
            guard let live = picture.live else { throw Refusal.domain(name, .notRunning) }
            let names = live.injected.map(\.name)
            try picture.refuseUnplugging(names)
            let detail = (names + (releasing ? ["and release"] : [])).joined(separator: " ")
            try await audit.audited("domain evict", subject: name, detail: detail, by: actor) {
                try await ledger.begin(picture.changes(of: names, .evicting))
                let unplugging = try await devices.unplug(names, from: picture, within: limit)
                if unplugging.kept.isEmpty {
                    try await devices.endUse(ofUnpluggedFrom: name)
                    try await ledger.begin(picture.changes(of: names, .evicted))
                } else {
                    try await undoEviction(unplugging, of: picture)
                }
                if releasing { try await releaseAll(picture, by: actor) }
            }
            return EditedDomain(
                try await pictures.picture(of: name), devices: live.injected.map(EditedDomain.Device.init), scope: .live
            )
        }
    }

    /// The guest keeps some devices: plugs in again those that it released.
    ///
    /// - Throws: always; why the eviction failed.
    private func undoEviction(_ unplugging: GuestDevices.Unplugging, of picture: DomainPicture) async throws {
        var again: [String] = []
        for device in unplugging.gone {
            do {
                try await devices.plugAgain(device, of: picture)
                again.append(device)
            } catch {
                logger.error(
                    "not plugged in again",
                    metadata: ["domain": "\(picture.name)", "device": "\(device)", "error": "\(error)"])
            }
        }
        try await devices.endUse(ofUnpluggedFrom: picture.name)
        try await ledger.end(changesOf: unplugging.gone + unplugging.kept, in: picture.uuid)
        if let failure = unplugging.failure { throw failure }
        throw Refusal.domain(
            picture.name,
            .evictionUndone(
                kept: unplugging.kept, unplugging.answer, pluggedAgain: again,
                lost: unplugging.gone.filter { !again.contains($0) }))
    }

    private func releaseAll(_ picture: DomainPicture, by actor: AuditEntry.Actor) async throws {
        try await access.takeOut((picture.config?.injected ?? []).map(\.name), of: picture.name)
        for claim in try await pictures.picture(of: picture.name).claims {
            try await release.releaseWhenClosed(claim, within: patience, by: actor)
        }
        try await ledger.end(changesOf: picture.deviceNames, in: picture.uuid)
    }

    /// Claims what the domain requests, and plugs in everything that it holds: on this host again, or on another one,
    /// which knows of no eviction.
    func readmit(_ name: String, by peer: PeerCredentials) async throws -> EditedDomain {
        try await attach(name, Order(scope: .live), verb: "domain readmit", by: peer)
    }
}
