// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Libvirt
import Logging
import ServiceLifecycle
import Synchronization

/// Brings domains to what their requests ask for: whenever libvirt tells that one changed, at each connection, and now
/// and then.
struct BindingService: Service {
    let domains: DomainService
    let logger: Logger
    /// From before anything runs: that libvirt is there is told once.
    private let news: AsyncStream<DomainNews>

    /// Changes come in swarms: a definition is told by several events.
    private static let pause: Duration = .milliseconds(100)
    private static let interval: Duration = .seconds(300)
    /// How soon a domain is looked at again that was just starting, or of which libvirt said nothing.
    private static let again: Duration = .seconds(5)

    init(domains: DomainService, logger: Logger) {
        self.domains = domains
        self.logger = logger
        news = domains.feed.watch()
    }

    func run() async {
        let due = DueDomains()
        try? await cancelWhenGracefulShutdown {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { await listen(due) }
                group.addTask {
                    while true {
                        try await Task.sleep(for: Self.interval)
                        due.addAll()
                    }
                }
                for await _ in due.arrivals {
                    try await Task.sleep(for: Self.pause)
                    if due.takeAll() {
                        group.addTask {
                            if await lookAtAll(due) { return }
                            try await Task.sleep(for: Self.again)
                            due.addAll()
                        }
                    }
                    while let uuid = due.take() {
                        group.addTask {
                            let isSettled = await settle(uuid)
                            due.done(uuid)
                            if isSettled { return }
                            try await Task.sleep(for: Self.again)
                            due.add(uuid)
                        }
                    }
                }
            }
        }
    }

    private func listen(_ due: DueDomains) async {
        await domains.feed.follow(news) { entry in
            switch entry {
            case .connected, nil: due.addAll()
            case .event(let event) where event.change.concernsBinding: due.add(event.uuid)
            case .event, .lost: break
            }
        }
    }

    /// - Returns: false when it is to be tried again soon: a list waits for every hook that runs.
    private func lookAtAll(_ due: DueDomains) async -> Bool {
        do {
            let all = try await domains.libvirt.domains()
            domains.reconciler.seenDomains.list(all)
            for domain in all { due.add(domain.uuid) }
            return true
        } catch LibvirtError.noAnswer {
            return false
        } catch {
            // Told by who holds the connection; when it is there again, everything is looked at.
            logger.debug("domains cannot be listed", metadata: ["error": "\(error)"])
            return true
        }
    }

    /// - Returns: false when it is to be looked at again soon.
    private func settle(_ uuid: String) async -> Bool {
        do {
            try await domains.sync(uuid: uuid)
            return true
        } catch Refusal.claim(_, .guestStarting) {
            return false
        } catch LibvirtError.noAnswer {
            return false
        } catch {
            // Told where it happened. A connection that was lost comes back with a look at everything.
            return true
        }
    }
}

extension DomainEvent.Change {
    /// Whether what a domain has may differ from what it asks for after it.
    fileprivate var concernsBinding: Bool {
        switch self {
        case .defined, .undefined, .started, .stopped, .crashed: true
        // Our own record in it is told of as well.
        case .metadataChanged(let namespace): namespace != DomainAssignment.namespace
        default: false
        }
    }
}

/// The domains to look at next, each by one at a time.
private final class DueDomains: Sendable {
    /// As many are looked at at once.
    private static let limit = 8

    private struct State {
        var all = false
        var waiting: Set<String> = []
        var busy: Set<String> = []
    }

    /// An element when there is something to take.
    let arrivals: AsyncStream<Void>
    private let arrived: AsyncStream<Void>.Continuation
    private let state = Mutex(State())

    init() { (arrivals, arrived) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func add(_ uuid: String) {
        state.withLock { _ = $0.waiting.insert(uuid) }
        arrived.yield()
    }

    func addAll() {
        state.withLock { $0.all = true }
        arrived.yield()
    }

    func takeAll() -> Bool {
        state.withLock { state in
            defer { state.all = false }
            return state.all
        }
    }

    /// nil when none waits, or enough are looked at.
    func take() -> String? {
        state.withLock { state in
            guard state.busy.count < Self.limit, let uuid = state.waiting.first(where: { !state.busy.contains($0) })
            else { return nil }
            state.waiting.remove(uuid)
            state.busy.insert(uuid)
            return uuid
        }
    }

    func done(_ uuid: String) {
        state.withLock { _ = $0.busy.remove(uuid) }
        arrived.yield()
    }
}
