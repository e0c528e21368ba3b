// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc

/// The clock that counts from the start of the host, suspended time included.
package enum BootClock {
    /// Seconds since the boot.
    ///
    /// Source: clock_gettime(2), `CLOCK_BOOTTIME`.
    package static let now: @Sendable () -> Int = {
        var now = timespec()
        // SAFETY: the kernel fills the structure, which lives until the call returns.
        unsafe clock_gettime(CLOCK_BOOTTIME, &now)
        return now.tv_sec
    }
}
