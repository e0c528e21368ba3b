// SPDX-License-Identifier: GPL-3.0-or-later
import HostIO
import HostModel
import Logging
import ServiceLifecycle

/// Keeps the host in memory as the host is, and wakes whoever waits for a change of it.
struct HostEventService: Service {
    let host: LiveHost
    let logger: Logger

    /// How long an attribute that changes without an event can be told wrongly, at most.
    private static let rescanInterval = Duration.seconds(300)

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await follow() }
            group.addTask { try await cancelWhenGracefulShutdown { try await rescanNowAndThen() } }
            try await group.next()
            group.cancelAll()
        }
    }

    private func follow() async throws {
        guard let monitor = host.monitor else { return try await gracefulShutdown() }
        for await events in monitor.events().cancelOnGracefulShutdown() {
            for event in events {
                logger.debug(
                    "host event",
                    metadata: ["action": "\(event.action)", "function": "\(event.address?.description ?? "-")"])
            }
            // First those who wait for a write of theirs: they read for themselves.
            host.changes.signal()
            observe { try host.follower.follow(events) }
        }
    }

    private func rescanNowAndThen() async throws {
        while true {
            do { try await Task.sleep(for: Self.rescanInterval) } catch { return }
            observe { try host.follower.rescan() }
        }
    }

    private func observe(_ read: () throws -> [FunctionChange]) {
        do {
            host.tell(try read())
        } catch {
            logger.warning("the host could not be read again", metadata: ["error": "\(error)"])
        }
    }
}
