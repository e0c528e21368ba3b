// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel
import Ledger
import Libvirt

extension RunningGuests {
    /// Adds what the domain holds, and what its request asks for, to its persistent XML, its running guest, or both.
    ///
    /// - Throws: the reason; claims that were made for it are ended again.
    func attach(
        _ name: String, _ order: Order, verb: String = "domain attach", by peer: PeerCredentials
    ) async throws -> EditedDomain {
        try await access.exclusively(onDomain: name) {
            // 1. What can be refused before anything is claimed.
            let before = try await pictures.picture(of: name)
            let scope = try before.scope(order.scope)
            let known = try before.wanted
            guard !known.isEmpty, let document = before.main else { throw Refusal.domain(name, .nothingToAttach) }
            let chosen = try before.chosen(order.devices, among: known)
            try before.refuseAttaching(chosen, scope)
            // 2. Claims, all or none.
            let made = try await claims.claims(for: document, only: Set(chosen), by: peer).made
            do {
                return try await attachHeld(name, order.devices, as: document, scope, verb, by: peer.actor)
            } catch {
                await releaseUnattached(made, of: name, after: error, by: peer.actor)
                throw error
            }
        }
    }

    /// Adds devices that the domain holds.
    private func attachHeld(
        _ name: String, _ asked: [String]?, as document: Domain, _ scope: DomainScope, _ verb: String,
        by actor: AuditEntry.Actor
    ) async throws -> EditedDomain {
        let picture = try await pictures.picture(of: name)
        let request = try document.request
        let names = try picture.chosen(asked, among: try picture.wanted)
        let specs = try document.devices(for: picture.held.filter { names.contains($0.name) }, request)
        let attachment = try picture.attaching(specs, scope) {
            try claims.adding($0, to: $1, request, isRunning: picture.live != nil)
        }
        let detail = ([scope.rawValue] + specs.map(\.name)).joined(separator: " ")
        try await audit.audited(verb, subject: name, detail: detail, by: actor) {
            try await perform(attachment, on: picture)
            // A device that was evicted or leaving is neither any more.
            if scope.isLive { try await ledger.end(changesOf: specs.map(\.name), in: picture.uuid) }
        }
        return EditedDomain(
            try await pictures.picture(of: name), devices: specs.map(EditedDomain.Device.init), scope: scope)
    }

    /// Ends the claims made for devices that are neither in the guest nor in the persistent XML, and will not come there.
    private func releaseUnattached(
        _ made: [Claim], of name: String, after error: any Error, by actor: AuditEntry.Actor
    ) async {
        // What libvirt does later is reconciled with the claims.
        if let error = error as? LibvirtError, error.leavesOpen { return }
        guard !made.isEmpty, let now = try? await pictures.picture(of: name) else { return }
        for claim in made {
            let isLeft = claim.assignments.contains { assignment in
                now.running(assignment.name) != nil || now.persistent(assignment.name) != nil
                    || now.changes.contains { $0.device == assignment.name }
            }
            if !isLeft { _ = try? await release.release(claim.id, by: actor) }
        }
    }

    /// Plugs in first: the guest and libvirt may refuse, and a persistent XML is hardly ever refused.
    private func perform(_ attachment: DomainPicture.Attachment, on picture: DomainPicture) async throws {
        try await ledger.begin(picture.changes(of: attachment.pairs, .attaching))
        if !attachment.live.isEmpty {
            do {
                try await devices.plug(attachment.live, using: picture)
            } catch {
                let leaving = try await ledger.deviceChanges(ofDomain: picture.uuid).filter { $0.kind == .detaching }
                let done = attachment.pairs.filter { pair in !leaving.contains { $0.device == pair } }
                try await ledger.end(changesOf: done, in: picture.uuid)
                throw error
            }
        }
        guard let config = attachment.config else { return }
        do {
            _ = try await access.libvirt.define(config.text)
        } catch {
            try await undo(attachment, on: picture, because: error)
        }
    }

    /// The persistent XML could not be written: unplugs what was plugged in for it.
    ///
    /// - Throws: the error, unless the XML was written after all. What cannot be found out now stays in the ledger and is
    ///   reconciled later.
    private func undo(
        _ attachment: DomainPicture.Attachment, on picture: DomainPicture, because error: any Error
    ) async throws {
        guard let now = try? await pictures.picture(of: picture.name) else { throw error }
        if attachment.pairs.allSatisfy({ now.persistent($0) != nil }), !attachment.pairs.isEmpty { return }
        guard !attachment.pairs.isEmpty else { throw error }
        let unplugging = try await devices.unplug(attachment.pairs, from: picture, within: patience)
        try await devices.endUse(ofUnpluggedFrom: picture.name)
        try await ledger.end(changesOf: unplugging.gone, in: picture.uuid)
        if unplugging.kept.isEmpty { throw error }
        throw Refusal.domain(picture.name, .halfAttached(unplugging.kept, reason: "\(error)"))
    }
}
