// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import HostModel
import Ledger
import Logging

/// The devices of one running guest: plugs them in and out, and keeps the use of their claims in step.
///
/// Changes neither a persistent XML nor a domain without a guest. The caller holds the domain's lane.
struct GuestDevices: Sendable {
    let access: DomainAccess
    let pictures: PictureReader
    let use: ClaimUse
    let readiness: ClaimReadiness
    let ledger: Ledger
    let logger: Logger
    /// For libvirt to plug a device in, and for the guest to release one when an operation is undone.
    let patience: Duration

    /// Ends the use of claims whose devices are all gone from the running guest, and makes them ready for the next use.
    func endUse(ofUnpluggedFrom name: String) async throws {
        for claim in try await pictures.picture(of: name).claimsOutOfUse {
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
