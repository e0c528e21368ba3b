// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel
import Ledger

extension RunningGuests {
    /// Takes Buslane's devices out of the running guest, the persistent XML, or both. The claims stay.
    ///
    /// Each device by itself: a device that the guest releases is out, a device that it keeps stays in both states and is
    /// reported.
    func detach(_ name: String, _ order: Order, by actor: AuditEntry.Actor) async throws -> EditedDomain {
        try await access.exclusively(onDomain: name) {
            let picture = try await pictures.picture(of: name)
            let scope = try picture.scope(order.scope)
            let known = picture.deviceNames.filter { picture.running($0) != nil || picture.persistent($0) != nil }
            let detachment = try picture.detaching(try picture.chosen(order.devices, among: known), scope)
            let affected = known.compactMap { device -> EditedDomain.Device? in
                guard detachment.live.contains(device) || detachment.config.contains(device) else { return nil }
                return (picture.running(device) ?? picture.persistent(device)).map(EditedDomain.Device.init)
            }
            let detail = ([scope.rawValue] + affected.map(\.name)).joined(separator: " ")
            try await audit.audited("domain detach", subject: name, detail: detail, by: actor) {
                try await perform(detachment, on: picture, within: order.wait)
            }
            return EditedDomain(try await pictures.picture(of: name), devices: affected, scope: scope)
        }
    }

    private func perform(
        _ detachment: DomainPicture.Detachment, on picture: DomainPicture, within limit: Duration
    ) async throws {
        try await ledger.begin(picture.changes(of: detachment.pairs, .detaching))
        let unplugging = try await devices.unplug(detachment.live, from: picture, within: limit)
        if !unplugging.gone.isEmpty { try await devices.endUse(ofUnpluggedFrom: picture.name) }
        try await access.takeOut(detachment.config.filter { !unplugging.kept.contains($0) }, of: picture.name)
        // A device that only the running guest lost is not plugged in again before the next start.
        try await ledger.begin(
            picture.changes(of: unplugging.gone.filter { !detachment.config.contains($0) }, .evicted))
        // A silent guest may still release its devices: then the persistent XML follows.
        let ended = detachment.pairs.filter { !unplugging.silent.contains($0) }
        try await ledger.end(changesOf: ended, in: picture.uuid)
        if let failure = unplugging.failure { throw failure }
        if !unplugging.kept.isEmpty {
            throw Refusal.domain(picture.name, .keeps(unplugging.kept, unplugging.answer))
        }
    }
}
