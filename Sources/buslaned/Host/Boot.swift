// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemServices

/// The boot that the daemon runs in: the host's identity, and the clock that counts from the boot.
struct Boot: Sendable {
    let identity: HostIdentity
    /// Seconds since the boot.
    var clock: @Sendable () -> Int = BootClock.now

    /// This boot's id. A host without a boot id counts as one boot.
    var id: String { identity.bootID ?? "unknown" }

    /// Seconds since the boot.
    var now: Int { clock() }

    /// Whether a message belongs to this boot. True when the message or the host has no boot id.
    func isCurrent(_ bootID: String?) -> Bool {
        bootID == nil || identity.bootID == nil || bootID == id
    }
}
