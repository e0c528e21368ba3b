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

    /// A domain XML that libvirt has not seen, with the devices that the domain holds and those its request asks for.
    func inject(into xml: String, by peer: PeerCredentials) async throws -> DomainDocument {
        let domain = try Domain(parsing: xml)
        let devices = try await devices(for: domain, by: peer)
        let edited = try domain.adding(devices)
        return DomainDocument(domain, devices: devices.map { .init(name: $0.name, address: $0.address) }, xml: edited)
    }
}

extension DomainDocument {
    init(_ domain: Domain, devices: [Device], xml: String) {
        self.init(name: domain.name, uuid: domain.uuid, devices: devices, xml: xml)
    }
}
