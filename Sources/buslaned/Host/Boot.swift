// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import HostModel

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

/// The clock that measures lifetimes of claims. Nobody can set it, and it counts suspended time.
enum BootClock {
    /// Seconds since the boot. Source: clock_gettime(2), `CLOCK_BOOTTIME`.
    static let now: @Sendable () -> Int = {
        var now = timespec()
        clock_gettime(CLOCK_BOOTTIME, &now)
        return now.tv_sec
    }
}
