// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel
import Ledger
import Libvirt

/// Domains that claim at each start, and release at each stop: `binding="running"`.
extension DomainBinder {
    /// Starts a domain with the devices that its request asks for.
    ///
    /// A domain that claims at each start is started from an XML with the devices in it; its persistent XML stays as it
    /// is.
    func start(_ name: String, by peer: PeerCredentials) async throws -> EditedDomain {
        let state = try await access.libvirt.domain(named: name)
        guard !state.isActive else { throw Refusal.domain(name, .running) }
        let domain = try await access.persistentDomain(name)
        guard let request = try domain.request, request.binding == .running else {
            try await sync(uuid: state.uuid, by: peer.actor)
            try await access.libvirt.start(name)
            let started = try await access.persistentDomain(name)
            return EditedDomain(started, devices: started.injected.map(EditedDomain.Device.init))
        }
        return try await access.exclusively(on: state.uuid) {
            try await audit.audited("domain start", subject: name, detail: "", by: peer.actor) {
                let (held, made) = try await claims.claims(for: domain, by: peer)
                do {
                    let devices = try domain.devices(for: (held + made).flatMap(\.assignments), request)
                    let edited = try claims.adding(devices, to: domain, request)
                    _ = try await access.libvirt.start(xml: edited.text)
                    return EditedDomain(edited, devices: edited.injected.map(EditedDomain.Device.init))
                } catch let error as LibvirtError where error.leavesOpen {
                    // The domain may have started. If it has not, the next sync releases what was claimed.
                    throw error
                } catch {
                    for claim in made { _ = try? await release.release(claim.id, by: peer.actor) }
                    throw error
                }
            }
        }
    }

    /// Plugs what a domain holds for its request into the guest that was started without it.
    func plugIn(
        _ request: DomainRequest, _ state: DomainHandleValue, by actor: AuditEntry.Actor
    ) async throws -> [String] {
        let picture = try await pictures.picture(of: state.name)
        guard let running = picture.live else { return [] }
        // Devices that another operation plugs in or out, or has evicted, are that operation's.
        let present = Set(running.injected.map(\.name) + picture.changes.map(\.device))
        let missing = request.devices.map(\.name).filter { !present.contains($0) }
        guard !missing.isEmpty else { return [] }
        let unclaimed = missing.filter { name in !picture.claims.contains { $0.has(device: name) } }
        guard unclaimed.isEmpty else { throw DomainTrouble.notClaimed(unclaimed, of: state.name) }
        let specs = try running.devices(for: picture.claims.flatMap { $0.assignments(for: missing) }, request)
        let detail = specs.map { "\($0.name) (\($0.address))" }.joined(separator: ", ")
        return try await audit.audited("domain plug in", subject: state.name, detail: detail, by: actor) {
            try await devices.plug(specs, using: picture)
            return specs.map { "plugged in \($0.name) (\($0.address))" }
        }
    }
}

extension LibvirtError {
    /// Whether the operation may have been done all the same.
    fileprivate var leavesOpen: Bool {
        switch self {
        case .connectionLost, .noAnswer: true
        case .noSuchDomain, .unreachable, .refused: false
        }
    }
}
