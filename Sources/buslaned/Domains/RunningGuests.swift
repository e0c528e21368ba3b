// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Logging

/// Changes of a domain's devices while its guest may run.
///
/// libvirt can change the running and the persistent state in one call, but not atomically: it may fail at the second
/// with the first done. So each is a call of its own. The running guest comes first, since it may refuse. A change of
/// both states is in the ledger before (``DeviceChange``), so that ``UnfinishedChanges`` completes or undoes it after a
/// crash.
struct RunningGuests: Sendable {
    let access: DomainAccess
    let pictures: PictureReader
    let devices: GuestDevices
    let claims: DomainClaims
    let release: ClaimRelease
    let audit: AuditRecorder
    let ledger: Ledger
    let logger: Logger
    /// For the guest to release a device when an operation is undone.
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
}
