// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel
import Ledger
import Libvirt

/// A domain as it is now, read from libvirt and the ledger.
struct PictureReader: Sendable {
    let access: DomainAccess
    let claims: DomainClaims
    let ledger: Ledger
    let host: any Host

    func picture(of name: String) async throws -> DomainPicture {
        let domain = try await access.libvirt.domain(named: name)
        return DomainPicture(
            name: domain.name, uuid: domain.uuid,
            state: domain.isActive ? try await access.libvirt.runState(of: name) : .off,
            live: domain.isActive ? try await access.runningDomain(name) : nil,
            config: domain.isPersistent ? try await access.persistentDomain(name) : nil,
            claims: try await claims.held(by: domain.uuid),
            changes: try await ledger.deviceChanges(ofDomain: domain.uuid))
    }

    /// What the domain asks for, what it has, and whether it can migrate.
    func overview(of name: String) async throws -> DomainOverview {
        let picture = try await picture(of: name)
        let host = try host.lastSeen()
        let drivers = host.functions.reduce(into: [PCIAddress: String]()) { $0[$1.address] = $1.driver }
        return DomainOverview(of: picture, drivers: drivers, nodes: try self.host.numaNodes())
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
}
