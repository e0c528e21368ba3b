// SPDX-License-Identifier: GPL-3.0-or-later
import CSystemd

/// Tells the service manager where the daemon stands; does nothing when none asked.
///
/// Source: sd_notify(3).
enum Notification {
    static func ready() { _ = sd_notify(0, "READY=1\nSTATUS=serving") }
    static func stopping() { _ = sd_notify(0, "STOPPING=1") }
}
