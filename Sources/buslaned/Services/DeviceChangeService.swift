// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Libvirt
import Logging
import ServiceLifecycle

/// Completes or undoes ``UnfinishedChanges``: after each event that can end one, at each connection and at an interval.
struct DeviceChangeService: Service {
    let unfinished: UnfinishedChanges
    let ledger: Ledger
    let feed: DomainFeed
    let logger: Logger
    /// Watched from the start: the first connection is reported only once.
    private let news: AsyncStream<DomainNews>

    /// The time between two tries after libvirt could not write.
    private static let pause = Duration.seconds(30)

    init(unfinished: UnfinishedChanges, ledger: Ledger, feed: DomainFeed, logger: Logger) {
        self.unfinished = unfinished
        self.ledger = ledger
        self.feed = feed
        self.logger = logger
        news = feed.watch()
    }

    func run() async {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await follow() }
                group.addTask {
                    while (try? await Task.sleep(for: Self.pause)) != nil { await reconcile(asking: false) }
                }
            }
        }
    }

    private func follow() async {
        await feed.follow(news) { entry in
            switch entry {
            case .connected, nil: await reconcile(asking: true)
            case .event(let event) where event.change.concernsDevices: await reconcile(asking: false, only: event.uuid)
            case .event, .lost: break
            }
        }
    }

    /// - Parameter asking: repeats the requests to guests that may have been lost.
    private func reconcile(asking: Bool, only uuid: String? = nil) async {
        do {
            let changes = try await ledger.deviceChanges(ofDomain: uuid)
            let domains = Dictionary(changes.map { ($0.domain, $0.domainName) }) { first, _ in first }
            for (uuid, name) in domains.sorted(by: { $0.value < $1.value }) {
                do {
                    try await unfinished.reconcile(uuid, named: name, asking: asking)
                } catch {
                    logger.warning(
                        "a device change is still incomplete", metadata: ["domain": "\(name)", "reason": "\(error)"])
                }
            }
        } catch {
            logger.error("cannot read the device changes", metadata: ["error": "\(error)"])
        }
    }
}

extension DomainEvent.Change {
    /// Whether it may finish a device change.
    fileprivate var concernsDevices: Bool {
        switch self {
        case .deviceRemoved, .stopped, .undefined: true
        default: false
        }
    }
}
