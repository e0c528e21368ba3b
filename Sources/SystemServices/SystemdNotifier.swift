// SPDX-License-Identifier: GPL-3.0-or-later
import CSystemd

/// Reports this process's state to the service manager. Does nothing when no service manager started it.
///
/// Source: sd_notify(3).
package enum SystemdNotifier {
    /// - Parameter problems: how the host differs from what was declared, one line each.
    package static func ready(problems: [String]) {
        let status = problems.first.map { "degraded: \($0)" + (problems.count > 1 ? " (and more)" : "") }
        notify("READY=1\nSTATUS=\(status ?? "serving")")
    }

    package static func stopping() { notify("STOPPING=1") }

    private static func notify(_ state: String) {
        // SAFETY: the string lives until the call returns.
        _ = unsafe sd_notify(0, state)
    }
}
