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

    /// Adds what the domain holds, and what its own request asks for, to its persistent XML.
    func attach(_ name: String, by peer: PeerCredentials) async throws -> DomainDocument {
        let xml = try await libvirt.inactiveXML(of: name)
        let domain = try Domain(parsing: xml)
        let devices = try await devices(for: domain, by: peer)
        guard !devices.isEmpty else { throw Refusal.nothingToAttach(domain: name) }
        let edited = try domain.adding(devices)
        return try await reconciler.audited(
            "domain attach", subject: name, detail: devices.map(\.name).joined(separator: ", "), by: peer.actor
        ) {
            if edited != xml { _ = try await libvirt.define(edited) }
            return DomainDocument(
                domain, devices: devices.map { .init(name: $0.name, address: $0.address) }, xml: edited)
        }
    }

    /// Takes every device of Buslane's out of the persistent XML. The claims stay.
    func detach(_ name: String, by actor: AuditEntry.Actor) async throws -> DomainDocument {
        let xml = try await libvirt.inactiveXML(of: name)
        let domain = try Domain(parsing: xml)
        let edited = try domain.removing(names: Set(domain.injected.map(\.name)))
        return try await reconciler.audited("domain detach", subject: name, detail: "", by: actor) {
            if edited != xml { _ = try await libvirt.define(edited) }
            return DomainDocument(
                domain, devices: domain.injected.map { .init(name: $0.name, address: $0.address) }, xml: edited)
        }
    }

    /// The same for a domain XML that libvirt has not seen: allocates for its request, and returns it with the devices.
    func inject(into xml: String, by peer: PeerCredentials) async throws -> DomainDocument {
        let domain = try Domain(parsing: xml)
        let devices = try await devices(for: domain, by: peer)
        let edited = try domain.adding(devices)
        return DomainDocument(domain, devices: devices.map { .init(name: $0.name, address: $0.address) }, xml: edited)
    }

    /// One device for each function that the domain holds, after its request was allocated: all of it or nothing.
    private func devices(for domain: Domain, by peer: PeerCredentials) async throws -> [DeviceSpec] {
        guard let uuid = domain.uuid else {
            guard try domain.request == nil else { throw Refusal.domainWithoutUUID(domain.name) }
            return []
        }
        let owner = Owner.domain(uuid: uuid)
        let request = try domain.request
        var held = try await reconciler.ledger.claims().filter { $0.owner == owner && $0.state.isHeld }
        var made: [Claim] = []
        do {
            for device in request?.devices ?? []
            where !held.contains(where: { $0.assignments.contains { $0.name == device.name } }) {
                let pool = try reconciler.pool(device.pool)
                try await reconciler.permitted("allocate", pool.name, to: peer) { caller throws(Refusal) in
                    try caller.mustBeAdmitted(to: pool)
                }
                let claimRequest = ClaimRequest(
                    pool: pool, owner: owner, ownerName: domain.name,
                    numa: request?.numa, settings: device.settings, uid: Int(peer.uid), deviceName: device.name)
                made.append(try await reconciler.allocate(claimRequest, by: peer.actor))
            }
        } catch {
            for claim in made { _ = try await reconciler.release(claim.id, by: peer.actor) }
            throw error
        }
        held += made
        return try held.flatMap(\.assignments).map(DeviceSpec.init)
    }
}

extension Reconciler {
    func pool(_ name: String) throws -> Pool {
        let desired = try configuration.inForce()
        guard let pool = desired.pool(name) else { throw Refusal.unknownPool(name, known: desired.pools.map(\.name)) }
        for problem in desired.overlaps(on: try host.lastSeen()) where problem.refusal.concerns(pool: name) {
            throw problem.refusal
        }
        return pool
    }
}

extension DomainRequest.Device {
    var settings: VFSettings { VFSettings(mac: mac, vlan: vlan.map { .id($0) }, trust: trust) }
}

extension DeviceSpec {
    /// A VF of a network card is an interface, whose MAC and VLAN libvirt knows; all else is a plain hostdev.
    ///
    /// So is a VF whose tag has a priority or is a provider's: libvirt knows of neither, and would set a plain one.
    init(_ assignment: Assignment) throws(MalformedValue) {
        var vlan: VLANID?
        var isInterface = assignment.isNetwork && assignment.virtualFunction != nil
        if case .tag(let tag)? = assignment.settings.vlan {
            vlan = tag.id
            if tag != VLANTag(tag.id) { isInterface = false }
        }
        try self.init(
            address: assignment.address, kind: isInterface ? .interface : .hostdev, mac: assignment.settings.mac,
            vlan: vlan, name: assignment.name)
    }
}

extension DomainDocument {
    init(_ domain: Domain, devices: [Device], xml: String) {
        self.init(name: domain.name, uuid: domain.uuid, devices: devices, xml: xml)
    }
}
