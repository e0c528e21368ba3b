// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import DomainXML
import HostModel
import Ledger

extension RunningGuests {
    /// Takes devices of Buslane's out of the running guest, the persistent XML, or both. The claims stay.
    ///
    /// Each device by itself: what the guest gives up is out, what it keeps stays in both, and is told.
    func detach(_ name: String, _ order: Order, by actor: AuditEntry.Actor) async throws -> DomainDocument {
        try await alone(with: name) {
            let picture = try await picture(of: name)
            let scope = try picture.scope(order.scope)
            let known = picture.deviceNames.filter { picture.running($0) != nil || picture.persistent($0) != nil }
            let detachment = try picture.detaching(try picture.chosen(order.devices, among: known), scope)
            let devices = known.compactMap { device -> DomainDocument.Device? in
                guard detachment.live.contains(device) || detachment.config.contains(device) else { return nil }
                return (picture.running(device) ?? picture.persistent(device)).map {
                    .init(name: device, address: $0.address)
                }
            }
            let detail = ([scope.rawValue] + devices.map(\.name)).joined(separator: " ")
            try await reconciler.audited("domain detach", subject: name, detail: detail, by: actor) {
                try await perform(detachment, on: picture, within: order.wait)
            }
            return try await self.picture(of: name).document(devices, scope)
        }
    }

    private func perform(
        _ detachment: DomainPicture.Detachment, on picture: DomainPicture, within limit: Duration
    ) async throws {
        try await ledger.begin(picture.changes(of: detachment.pairs, .detaching))
        let unplugging = try await unplug(detachment.live, from: picture, within: limit)
        if !unplugging.gone.isEmpty { try await settleUse(of: picture.name) }
        try await takeOut(detachment.config.filter { !unplugging.kept.contains($0) }, of: picture.name)
        // What is out of the running guest alone is not plugged in again by itself before its next start.
        try await ledger.begin(
            picture.changes(of: unplugging.gone.filter { !detachment.config.contains($0) }, .evicted))
        // Those that have not answered may still do so: then the persistent XML follows.
        let settled = detachment.pairs.filter { !unplugging.silent.contains($0) }
        try await ledger.end(changesOf: settled, in: picture.uuid)
        if let failure = unplugging.failure { throw failure }
        if !unplugging.kept.isEmpty {
            throw Refusal.domain(picture.name, .keeps(unplugging.kept, unplugging.answer))
        }
    }

    /// Takes devices out of the persistent XML as it is now.
    func takeOut(_ devices: [String], of name: String) async throws {
        if devices.isEmpty { return }
        let xml = try await libvirt.inactiveXML(of: name)
        let edited = try Domain(parsing: xml).removing(names: Set(devices))
        if edited != xml { _ = try await libvirt.define(edited) }
    }
}
