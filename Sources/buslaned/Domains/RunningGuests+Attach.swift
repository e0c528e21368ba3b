// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import DomainXML
import HostModel
import Ledger

extension RunningGuests {
    /// Puts what the domain holds, and what its request asks for, into its persistent XML, its running guest, or both.
    func attach(
        _ name: String, _ order: Order, verb: String = "domain attach", by peer: PeerCredentials
    ) async throws -> DomainDocument {
        try await alone(with: name) {
            // 1. What can be refused before anything is claimed.
            let before = try await picture(of: name)
            let scope = try before.scope(order.scope)
            let known = try before.wanted
            guard !known.isEmpty else { throw Refusal.nothingToAttach(domain: name) }
            let chosen = try before.chosen(order.devices, among: known)
            try before.refuseAttaching(chosen, scope)
            // 2. Claims, all or none; then the picture with them in it.
            guard let document = before.main else { throw Refusal.nothingToAttach(domain: name) }
            _ = try await domains.claims(for: document, only: Set(chosen), by: peer)
            let picture = try await picture(of: name)
            let request = try document.request
            let names = try picture.chosen(order.devices, among: try picture.wanted)
            let devices = try document.devices(for: picture.held.filter { names.contains($0.name) }, request)
            let attachment = try picture.attaching(devices, scope) { try domains.adding($0, to: $1, request) }
            // 3. The effects.
            let detail = ([scope.rawValue] + devices.map(\.name)).joined(separator: " ")
            try await reconciler.audited(verb, subject: name, detail: detail, by: peer.actor) {
                try await perform(attachment, on: picture)
                // What was evicted, or on its way out, is not any more.
                if scope.isLive { try await ledger.end(changesOf: devices.map(\.name), in: picture.uuid) }
            }
            return try await self.picture(of: name).document(
                devices.map { .init(name: $0.name, address: $0.address) }, scope)
        }
    }

    /// Plugs in first: the guest and libvirt may refuse, a persistent XML hardly ever is.
    private func perform(_ attachment: DomainPicture.Attachment, on picture: DomainPicture) async throws {
        try await ledger.begin(picture.changes(of: attachment.pairs, .attaching))
        if !attachment.live.isEmpty {
            do {
                try await plug(attachment.live, readying: picture)
            } catch {
                let leaving = try await ledger.deviceChanges(ofDomain: picture.uuid).filter { $0.kind == .detaching }
                let done = attachment.pairs.filter { pair in !leaving.contains { $0.device == pair } }
                try await ledger.end(changesOf: done, in: picture.uuid)
                throw error
            }
        }
        guard let config = attachment.config else { return }
        do {
            _ = try await libvirt.define(config)
        } catch {
            try await undo(attachment, on: picture, because: error)
        }
    }

    /// The same for devices whose claims are in use from here on.
    func plug(_ devices: [DeviceSpec], readying picture: DomainPicture) async throws {
        let names = Set(devices.map(\.name))
        let concerned = picture.claims.filter { $0.assignments.contains { names.contains($0.name) } }
        try await reconciler.takeIntoUse(concerned, besides: concerned.filter { $0.state == .inUse })
        do {
            try await plug(devices, into: picture)
        } catch {
            try await settleUse(of: picture.name)
            throw error
        }
    }

    /// The persistent XML could not be written: what was plugged in for it is taken back.
    ///
    /// - Throws: unless it was written after all. What cannot be found out now stays in the ledger, to be settled.
    private func undo(
        _ attachment: DomainPicture.Attachment, on picture: DomainPicture, because error: any Error
    ) async throws {
        guard let now = try? await self.picture(of: picture.name) else { throw error }
        if attachment.pairs.allSatisfy({ now.persistent($0) != nil }), !attachment.pairs.isEmpty { return }
        guard !attachment.pairs.isEmpty else { throw error }
        let unplugging = try await unplug(attachment.pairs, from: picture, within: patience)
        try await settleUse(of: picture.name)
        try await ledger.end(changesOf: unplugging.gone, in: picture.uuid)
        if unplugging.kept.isEmpty { throw error }
        throw Refusal.domain(picture.name, .halfAttached(unplugging.kept, reason: "\(error)"))
    }
}

extension DomainPicture {
    /// The devices that it is to have: what it holds, and what its request names.
    var wanted: [String] {
        get throws {
            let held = held.map(\.name)
            return held + (try main?.request?.devices ?? []).map(\.name).filter { !held.contains($0) }
        }
    }

    /// What the domain holds under these names, as it is to be in its XML.
    func devices(_ names: [String]) throws -> [DeviceSpec] {
        guard let main else { return [] }
        let assignments = held.filter { names.contains($0.name) }
        guard assignments.count == names.count else { throw Refusal.nothingToAttach(domain: name) }
        return try main.devices(for: assignments, try main.request)
    }

    func document(_ devices: [DomainDocument.Device], _ scope: DomainScope) -> DomainDocument {
        DomainDocument(name: name, uuid: uuid, devices: devices, xml: main?.text ?? "", scope: scope)
    }
}
