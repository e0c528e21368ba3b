// SPDX-License-Identifier: GPL-3.0-or-later
import Libvirt
import Logging
import ServiceLifecycle

/// Holds the connection for libvirt's events: opened when libvirt is there, and again whenever it was lost.
///
/// The daemon's only listener; it passes every event to ``feed``.
struct LibvirtService: Service {
    let libvirt: LibvirtConnection
    let feed: DomainFeed
    /// Whether an earlier run's work is resumed: at boot libvirt starts after this daemon serves.
    let isReady: @Sendable () -> Bool
    let logger: Logger

    /// Between tries while libvirt's socket is missing. Where it is there, connecting itself waits for libvirt.
    private static let pauses: [Duration] = [.milliseconds(200), .milliseconds(500), .seconds(1), .seconds(2)]
    private static let longestPause: Duration = .seconds(5)

    func run() async {
        try? await cancelWhenGracefulShutdown {
            while !isReady() { try await Task.sleep(for: .milliseconds(200)) }
            var failures = 0
            while true {
                do {
                    let events = try await libvirt.events()
                    if failures > 0 { logger.notice("libvirt is back") }
                    failures = 0
                    feed.tell(.connected)
                    for await event in events { tell(event) }
                    try Task.checkCancellation()
                    logger.notice("the connection to libvirt was lost")
                    feed.tell(.lost)
                } catch let error as LibvirtError {
                    // Logged once: a host without libvirt is no fault.
                    if failures == 0 { logger.notice("no libvirt", metadata: ["reason": "\(error)"]) }
                    let pause = failures < Self.pauses.count ? Self.pauses[failures] : Self.longestPause
                    failures += 1
                    try await Task.sleep(for: pause)
                }
            }
        }
    }

    private func tell(_ event: DomainEvent) {
        logger.debug("domain event", metadata: ["domain": "\(event.name)", "change": "\(event.change)"])
        feed.tell(.event(event))
    }
}
