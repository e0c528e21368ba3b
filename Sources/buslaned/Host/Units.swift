// SPDX-License-Identifier: GPL-3.0-or-later
import CSystemd
import Dispatch
import Glibc

/// What systemd says of its units.
enum Units {
    /// `active`, `activating`, `inactive`, `failed`, …; nil when systemd cannot be asked. A unit that nobody ever
    /// wrote is inactive.
    ///
    /// Source: `ActiveState`, org.freedesktop.systemd1(5); sd_bus_get_property(3).
    static func state(of unit: String) async -> String? {
        await withCheckedContinuation { answer in
            DispatchQueue.global().async { answer.resume(returning: ask(about: unit)) }
        }
    }

    private static func ask(about unit: String) -> String? {
        var bus: OpaquePointer?
        guard sd_bus_open_system(&bus) >= 0 else { return nil }
        defer { sd_bus_flush_close_unref(bus) }
        var path: UnsafeMutablePointer<CChar>?
        guard sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path) >= 0, let path else { return nil }
        defer { free(path) }
        var state: UnsafeMutablePointer<CChar>?
        let found = sd_bus_get_property_string(
            bus, "org.freedesktop.systemd1", path, "org.freedesktop.systemd1.Unit", "ActiveState", nil, &state)
        guard found >= 0, let state else { return nil }
        defer { free(state) }
        return String(cString: state)
    }
}
