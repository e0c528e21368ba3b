// SPDX-License-Identifier: GPL-3.0-or-later
import Libvirt
import Logging
import ServiceLifecycle

/// Keeps the connection for libvirt's events open: connects when libvirt is available, and again after each loss.
///
/// The daemon's only listener. It publishes every event in ``feed``.
struct LibvirtService: Service {
    let libvirt: LibvirtConnection
    let feed: DomainFeed
    /// Whether the daemon's start is complete. At boot libvirt starts after the daemon.
    let isReady: @Sendable () -> Bool
    let logger: Logger

    /// The times between tries while libvirt's socket is missing. If the socket exists, connecting waits for libvirt.
    private static let pauses: [Duration] = [.milliseconds(200), .milliseconds(500), .seconds(1), .seconds(2)]
    private static let longestPause: Duration = .seconds(5)

    func run() async {
        try? await cancelWhenGracefulShutdown {
            while !isReady() { try await Task.sleep(for: .milliseconds(200)) }
            var failures = 0
            while true {
                do {
                    let events = try await libvirt.events()
                    if failures > 0 { logger.notice("connected to libvirt again") }
                    failures = 0
                    feed.publish(.connected)
                    for await event in events { publish(event) }
                    try Task.checkCancellation()
                    logger.notice("the connection to libvirt was lost")
                    feed.publish(.lost)
                } catch let error as LibvirtError {
                    // Logged once: a host without libvirt is not an error.
                    if failures == 0 { logger.notice("cannot connect to libvirt", metadata: ["reason": "\(error)"]) }
                    let pause = failures < Self.pauses.count ? Self.pauses[failures] : Self.longestPause
                    failures += 1
                    try await Task.sleep(for: pause)
                }
            }
        }
    }

    private func publish(_ event: DomainEvent) {
        logger.debug("domain event", metadata: ["domain": "\(event.name)", "change": "\(event.change)"])
        feed.publish(.event(event))
    }
}
