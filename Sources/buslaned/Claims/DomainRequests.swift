// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel

/// Converts a device of a domain's request into a request to a pool.
struct DomainRequests: Sendable {
    let pools: PoolDirectory

    /// - Parameter uid: the requesting user; nil for the daemon itself.
    func claimRequest(
        for device: DomainRequest.Device, in request: DomainRequest?, of domain: Domain, uid: Int?
    ) throws -> ClaimRequest {
        guard let uuid = domain.uuid else { throw Refusal.domain(domain.name, .withoutUUID) }
        var settings = device.settings
        // The two halves of a failover pair have one MAC address.
        if let standby = device.failover {
            settings.mac = try StandbyInterface(standby, for: device.name, in: domain, wanted: settings.mac).mac
        }
        return ClaimRequest(
            pool: try pools.pool(device.pool), owner: .domain(uuid: uuid), ownerName: domain.name,
            numa: device.numa ?? request?.numa, spread: request?.spread, settings: settings, uid: uid,
            deviceName: device.name)
    }
}
