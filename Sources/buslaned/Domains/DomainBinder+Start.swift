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
                return try await releasing(made, ifRefusedBy: peer.actor) {
                    let devices = try domain.devices(for: (held + made).flatMap(\.assignments), request)
                    let edited = try claims.adding(devices, to: domain, request, isRunning: false)
                    _ = try await access.libvirt.start(xml: edited.text)
                    return EditedDomain(edited, devices: edited.injected.map(EditedDomain.Device.init))
                }
            }
        }
    }

    /// Does work that new claims were made for, and ends them again when it fails.
    ///
    /// - Throws: what the work threw. A claim that cannot be ended then stays, with its own audit entry.
    func releasing<Result: Sendable>(
        _ made: [Claim], ifRefusedBy actor: AuditEntry.Actor, _ work: @Sendable () async throws -> Result
    ) async throws -> Result {
        do {
            return try await work()
        } catch let error as LibvirtError where error.leavesOpen {
            // The domain may have started. If it has not, the next sync releases what was claimed.
            throw error
        } catch {
            for claim in made { _ = try? await release.release(claim.id, by: actor) }
            throw error
        }
    }
}

extension LibvirtError {
    /// Whether the operation may have been done all the same.
    var leavesOpen: Bool {
        switch self {
        case .connectionLost, .noAnswer: true
        case .noSuchDomain, .unreachable, .refused: false
        }
    }
}
