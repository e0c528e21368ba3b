// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel
import Ledger
import Libvirt
import Logging

/// Changes of a domain's devices while its guest may run.
///
/// libvirt can change the running and the persistent state in one call, but not atomically: it may fail at the second
/// with the first done. So each is a call of its own. The running guest comes first, since it may refuse. A change of
/// both states is in the ledger before (``DeviceChange``), so that it is finished or undone after a crash.
struct RunningGuests: Sendable {
    let access: DomainAccess
    let claims: DomainClaims
    let use: ClaimUse
    let readiness: ClaimReadiness
    let release: ClaimRelease
    let audit: AuditRecorder
    let ledger: Ledger
    let host: any Host
    let logger: Logger
    /// For libvirt to plug a device in, and for the guest to release one when an operation is undone.
    let patience: Duration

    /// What a caller asks for.
    struct Order: Sendable {
        /// nil: every state that the domain has.
        var scope: DomainScope?
        /// By name; nil or none: all.
        var devices: [String]?
        /// For the guest's answer.
        var wait = Duration.seconds(30)
    }

    func picture(of name: String) async throws -> DomainPicture {
        let domain = try await access.libvirt.domain(named: name)
        return DomainPicture(
            name: domain.name, uuid: domain.uuid,
            state: domain.isActive ? try await access.libvirt.runState(of: name) : .off,
            live: domain.isActive ? try await access.runningDomain(name) : nil,
            config: domain.isPersistent ? try await access.persistentDomain(name) : nil,
            claims: try await self.claims.held(by: domain.uuid),
            changes: try await ledger.deviceChanges(ofDomain: domain.uuid))
    }

    /// What the domain asks for, what it has, and whether it can migrate.
    func report(on name: String) async throws -> DomainPicture.Report {
        let picture = try await picture(of: name)
        let host = try host.lastSeen()
        let drivers = host.functions.reduce(into: [PCIAddress: String]()) { $0[$1.address] = $1.driver }
        return picture.report(drivers: drivers, nodes: host.numaNodes)
    }

    /// The guest as it runs; nil when it has stopped.
    func runningGuest(_ name: String) async throws -> Domain? {
        do {
            guard try await access.libvirt.domain(named: name).isActive else { return nil }
            return try await access.runningDomain(name)
        } catch LibvirtError.noSuchDomain {
            return nil
        }
    }

    /// Takes devices out of the persistent XML as it is now.
    func takeOut(_ devices: [String], of name: String) async throws {
        if devices.isEmpty { return }
        let domain = try await access.persistentDomain(name)
        let edited = try domain.removing(names: Set(devices))
        if edited != domain { _ = try await access.libvirt.define(edited.text) }
    }

    /// Ends the use of claims whose devices are all gone from the running guest, and makes them ready for the next use.
    func endUse(ofUnpluggedFrom name: String) async throws {
        for claim in try await picture(of: name).claimsOutOfUse {
            guard let unused = try await use.end(of: claim) else { continue }
            do {
                // libvirt restores the MAC address and VLAN that it found on an interface.
                try await readiness.ready(unused, purpose: .prepare)
            } catch {
                logger.warning(
                    "unplugged from its guest, and not ready", metadata: ["claim": "\(claim.id)", "error": "\(error)"])
            }
        }
    }
}

extension Domain {
    func has(_ device: String) -> Bool { injected.contains { $0.name == device } }
}
