// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel
import Ledger
import Libvirt

/// Makes domains what their requests ask for: claims, then devices in the persistent XML or in the running guest.
struct DomainBinder: Sendable {
    let access: DomainAccess
    let claims: DomainClaims
    let persistent: PersistentBinder
    let running: RunningBinder
    let troubles: DomainTroubles
    let seen: SeenDomains
    let release: ClaimRelease
    let rebinding: ClaimRebinding
    let stops: StopHook
    let audit: AuditRecorder

    /// ``sync(uuid:by:)`` of the domain of this name.
    func sync(_ name: String, by actor: AuditEntry.Actor) async throws -> [String] {
        try await sync(uuid: try await access.libvirt.domain(named: name).uuid, by: actor)
    }

    /// Makes a domain what its request asks for, and releases the claims that it no longer needs.
    ///
    /// Changes nothing in a domain that is as it asks to be: so the events of its own changes lead to no further ones.
    ///
    /// - Returns: what was done, a line each.
    /// - Throws: the obstacle, which is kept as the domain's trouble; the XML is then as it was.
    @discardableResult
    func sync(uuid: String, by actor: AuditEntry.Actor = .daemon) async throws -> [String] {
        try await access.exclusively(on: uuid) {
            var name = uuid
            do {
                let state = try await access.libvirt.domain(uuid: uuid)
                name = state.name
                let done = try await reconcile(state, by: actor)
                await troubles.report(nil, of: uuid, name: name)
                return done
            } catch LibvirtError.noSuchDomain {
                seen.forget(uuid)
                await troubles.report(nil, of: uuid, name: name)
                return try await release.releaseRequested(of: .domain(uuid: uuid), by: actor)
            } catch let error where passes(error) {
                throw error
            } catch {
                await troubles.report(DomainTrouble(error), of: uuid, name: name)
                throw error
            }
        }
    }

    private func reconcile(_ state: DomainHandleValue, by actor: AuditEntry.Actor) async throws -> [String] {
        let domain =
            try await state.isPersistent
            ? access.persistentDomain(state.name) : access.runningDomain(state.name)
        seen.set(domain.foreign.map(\.address), of: domain.name, uuid: state.uuid, isRunning: state.isActive)
        guard state.isPersistent else { return [] }
        let held = try await claims.held(by: state.uuid)
        let request = try domain.request
        if request == nil, held.isEmpty, domain.recorded.isEmpty { return [] }
        // Its devices have no address that the XML could name.
        if let away = held.first(where: { $0.assignments.contains(where: \.isParked) }) {
            throw Refusal.claim(away.id, .cardAway)
        }
        // During a start the XML must not change; the domain is reconciled again afterwards.
        if !state.isActive, try await stops.endUnreportedUse(of: domain), let claim = held.first {
            throw Refusal.claim(claim.id, .guestStarting(domain: state.name))
        }
        let binding = DomainBinding(
            domain: domain, asked: request, held: try await claims.held(by: state.uuid), isActive: state.isActive)
        let done = try await persistent.bind(binding, by: actor)
        guard let request, request.binding == .running else { return done }
        if state.isActive { return done + (try await running.bind(request, state, by: actor)) }
        try domain.foreseePorts(for: request)
        return done
    }

    /// Rebinds a claim, and lets the persistent XML of a domain that has it follow. If libvirt does not answer now, the XML
    /// follows at the next look at the domain.
    func rebind(_ id: String, to target: Rebinding.Target, by actor: AuditEntry.Actor) async throws -> Claim {
        let claim = try await rebinding.rebind(id, to: target, by: actor)
        if case .domain(let uuid) = claim.owner { _ = try? await sync(uuid: uuid) }
        return claim
    }

    /// The persistent domain with the devices that it holds and those that its request asks for; for an XML that libvirt
    /// has not seen.
    func inject(into xml: String, by peer: PeerCredentials) async throws -> EditedDomain {
        let domain = try Domain(parsing: xml)
        let request = try domain.request
        let (held, made) = try await claims.claims(for: domain, by: peer)
        return try await releasing(made, ifRefusedBy: peer.actor) {
            let devices = try domain.devices(for: (held + made).flatMap(\.assignments), request)
            let edited = try claims.adding(devices, to: domain, request, isRunning: false)
            return EditedDomain(edited, devices: devices.map(EditedDomain.Device.init))
        }
    }
}

/// Whether the obstacle passes by itself, or is libvirt's and not the domain's: then the domain is tried again.
private func passes(_ error: any Error) -> Bool {
    switch error {
    case LibvirtError.noAnswer, LibvirtError.unreachable, LibvirtError.connectionLost, Refusal.claim(_, .guestStarting):
        true
    default: false
    }
}
