// SPDX-License-Identifier: GPL-3.0-or-later
import Libvirt
import Logging
import ServiceLifecycle

/// Holds the connection that libvirt's events come on: opened when libvirt comes, and again whenever it was lost.
///
/// The only listener of the daemon: whoever wants to know takes ``feed``.
struct LibvirtService: Service {
    let libvirt: LibvirtConnection
    let feed: DomainFeed
    /// Whether an earlier run's work is settled: at boot libvirt starts after this daemon serves.
    let isReady: @Sendable () -> Bool
    let logger: Logger

    /// Where libvirt's socket is there, connecting waits for libvirt itself; this is for where it is not.
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
                    // Told once: a host without libvirt is no trouble.
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
