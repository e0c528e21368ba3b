// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import DomainXML
import HostModel
import Ledger
import Libvirt

/// Puts claimed functions into domains. The only part of the daemon that calls libvirt, and never on a hook's behalf.
struct DomainService: Sendable {
    let libvirt: LibvirtConnection
    /// What libvirt tells of its domains.
    let feed = DomainFeed()
    /// One operation at a time on a domain. Nobody who answers a hook may take one.
    let lanes = Lanes()
    /// Why domains are not as they ask to be.
    let troubles = DomainTroubles()
    let reconciler: Reconciler

    /// Who is meant by `domain:NAME`, `domain:UUID` or a plain name.
    func owner(named text: String) async throws -> (owner: Owner, name: String) {
        guard text.hasPrefix("domain:") else { return (try Owner(text), text) }
        if let owner = try? Owner(text), case .domain(let uuid) = owner {
            let domain = try await libvirt.domain(uuid: uuid)
            return (owner, domain.name)
        }
        let domain = try await libvirt.domain(named: String(text.dropFirst("domain:".count)))
        return (.domain(uuid: domain.uuid), domain.name)
    }

    /// A domain XML that libvirt has not seen, with the devices that the domain holds and those its request asks for.
    func inject(into xml: String, by peer: PeerCredentials) async throws -> DomainDocument {
        let domain = try Domain(parsing: xml)
        let devices = try await devices(for: domain, by: peer)
        let edited = try domain.adding(devices)
        return DomainDocument(domain, devices: devices.map { .init(name: $0.name, address: $0.address) }, xml: edited)
    }
}

extension Reconciler {
    func pool(_ name: String) throws -> Pool {
        let desired = try configuration.inForce()
        guard let pool = desired.pool(name) else { throw Refusal.unknownPool(name, known: desired.pools.map(\.name)) }
        let seen = try host.lastSeen(indexedBy: desired.selectorsOfOverlaps)
        for problem in desired.overlaps(on: seen) where problem.refusal.concerns(pool: name) {
            throw problem.refusal
        }
        return pool
    }
}

extension DomainDocument {
    init(_ domain: Domain, devices: [Device], xml: String) {
        self.init(name: domain.name, uuid: domain.uuid, devices: devices, xml: xml)
    }
}
