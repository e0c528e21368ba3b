// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch

/// Reads and reloads systemd's units.
///
/// Source: org.freedesktop.systemd1(5).
package enum SystemdUnits {
    /// One service as systemd knows it.
    package struct Service: Sendable {
        /// nil while the service does not run.
        package let mainProcess: Int?
        /// When the service last changed its state, in microseconds since 1970. A reload changes it too.
        package let stateChangedAt: Int?
    }

    private static let unitInterface = "org.freedesktop.systemd1.Unit"
    private static let serviceInterface = "org.freedesktop.systemd1.Service"

    /// A unit's `ActiveState`: `active`, `activating`, `inactive`, `failed`, …
    ///
    /// A unit that does not exist is `inactive`. nil when systemd does not answer.
    package static func state(of unit: String) async -> String? {
        await withCheckedContinuation { answer in
            DispatchQueue.global().async {
                answer.resume(returning: SystemBus()?.text("ActiveState", of: unit, unitInterface))
            }
        }
    }

    /// nil when systemd has no such service, or does not answer.
    ///
    /// - Parameter name: with its ending, `libvirtd.service`.
    package static func service(_ name: String) -> Service? {
        guard let bus = SystemBus(), bus.text("LoadState", of: name, unitInterface) == "loaded" else { return nil }
        let process = bus.number("MainPID", of: name, serviceInterface, UInt32.self)
        let change = bus.number("StateChangeTimestamp", of: name, unitInterface, UInt64.self)
        return Service(
            mainProcess: process.flatMap { $0 > 0 ? Int($0) : nil },
            stateChangedAt: change.flatMap { $0 > 0 ? Int(clamping: $0) : nil })
    }

    /// Reloads a service, and waits until systemd has done it.
    ///
    /// - Parameter limit: how long to wait.
    /// - Returns: whether the reload succeeded within the limit.
    package static func reload(_ name: String, within limit: Duration = .seconds(90)) -> Bool {
        SystemBus()?.reload(name, within: limit) ?? false
    }
}
