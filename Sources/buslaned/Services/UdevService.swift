// SPDX-License-Identifier: GPL-3.0-or-later
import HostIO
import Logging
import ServiceLifecycle

/// Passes on that the host changed, as the kernel reports it through udev.
struct UdevService: Service {
    let changes: HostChanges
    let logger: Logger

    func run() async throws {
        let monitor: UdevMonitor
        do {
            monitor = try UdevMonitor()
        } catch {
            // Waits still end by their deadline: slower, not wrong.
            logger.warning("no udev events", metadata: ["error": "\(error)"])
            try await gracefulShutdown()
            return
        }
        for await event in monitor.events().cancelOnGracefulShutdown() {
            logger.debug(
                "host event",
                metadata: ["action": "\(event.action)", "function": "\(event.address?.description ?? "-")"])
            changes.signal()
        }
    }
}
