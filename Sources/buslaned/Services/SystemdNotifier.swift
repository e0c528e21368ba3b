// SPDX-License-Identifier: GPL-3.0-or-later
import CSystemd

/// Tells the service manager where the daemon stands; does nothing when none asked.
///
/// Source: sd_notify(3).
enum SystemdNotifier {
    /// - Parameter problems: what is not as declared, a line each.
    static func ready(problems: [String]) {
        let status = problems.first.map { "degraded: \($0)" + (problems.count > 1 ? " (and more)" : "") }
        _ = sd_notify(0, "READY=1\nSTATUS=\(status ?? "serving")")
    }
    static func stopping() { _ = sd_notify(0, "STOPPING=1") }
}
