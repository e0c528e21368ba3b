// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Libvirt
import Logging
import ServiceLifecycle

/// Finishes or undoes changes of running domains' devices that were begun and not ended: by a daemon that ended in
/// between, a libvirt that could not write, a guest that answers late.
struct DeviceChangeService: Service {
    let live: RunningGuests
    let logger: Logger
    /// From before anything runs: that libvirt is there is told once.
    private let news: AsyncStream<DomainNews>

    /// Between tries at what libvirt could not write.
    private static let pause = Duration.seconds(30)

    init(live: RunningGuests, logger: Logger) {
        self.live = live
        self.logger = logger
        news = live.feed.watch()
    }

    func run() async {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await follow() }
                group.addTask {
                    while (try? await Task.sleep(for: Self.pause)) != nil { await settle(asking: false) }
                }
            }
        }
    }

    private func follow() async {
        await live.feed.follow(news) { entry in
            switch entry {
            case .connected, nil: await settle(asking: true)
            case .event(let event) where event.change.concernsDevices: await settle(asking: false, only: event.uuid)
            case .event, .lost: break
            }
        }
    }

    /// - Parameter asking: guests that may never have been asked are asked again.
    private func settle(asking: Bool, only uuid: String? = nil) async {
        do {
            let changes = try await live.ledger.deviceChanges(ofDomain: uuid)
            let domains = Dictionary(changes.map { ($0.domain, $0.domainName) }) { first, _ in first }
            for (uuid, name) in domains.sorted(by: { $0.value < $1.value }) {
                do {
                    try await live.settle(uuid, named: name, asking: asking)
                } catch {
                    logger.warning(
                        "a device is still on its way", metadata: ["domain": "\(name)", "reason": "\(error)"])
                }
            }
        } catch {
            logger.error("changes of devices are not known", metadata: ["error": "\(error)"])
        }
    }
}

extension DomainEvent.Change {
    /// After which a device may be where it was to go.
    fileprivate var concernsDevices: Bool {
        switch self {
        case .deviceRemoved, .stopped, .undefined: true
        default: false
        }
    }
}
