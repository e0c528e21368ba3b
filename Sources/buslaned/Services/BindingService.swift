// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Libvirt
import Logging
import ServiceLifecycle
import Synchronization

/// Reconciles domains with their requests: a domain after each event about it, and all domains after each connection to
/// libvirt and at an interval.
struct BindingService: Service {
    let access: DomainAccess
    let binder: DomainBinder
    let seen: SeenDomains
    let logger: Logger
    /// Watched from the start: the first connection is reported only once.
    private let news: AsyncStream<DomainNews>

    /// A definition causes several events: wait, and reconcile once.
    private static let pause: Duration = .milliseconds(100)
    private static let interval: Duration = .seconds(300)
    /// The time until the next try after a domain was starting or libvirt did not answer.
    private static let retryInterval: Duration = .seconds(5)

    init(access: DomainAccess, binder: DomainBinder, seen: SeenDomains, logger: Logger) {
        self.access = access
        self.binder = binder
        self.seen = seen
        self.logger = logger
        news = access.feed.watch()
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
                            if await listAll(due) { return }
                            try await Task.sleep(for: Self.retryInterval)
                            due.addAll()
                        }
                    }
                    while let uuid = due.take() {
                        group.addTask {
                            let isDone = await sync(uuid)
                            due.done(uuid)
                            if isDone { return }
                            try await Task.sleep(for: Self.retryInterval)
                            due.add(uuid)
                        }
                    }
                }
            }
        }
    }

    private func listen(_ due: DueDomains) async {
        await access.feed.follow(news) { entry in
            switch entry {
            case .connected, nil: due.addAll()
            case .event(let event) where event.change.concernsBinding: due.add(event.uuid)
            case .event, .lost: break
            }
        }
    }

    /// - Returns: false when libvirt has not answered, so that the caller tries again soon. A list waits for every
    ///   running hook.
    private func listAll(_ due: DueDomains) async -> Bool {
        do {
            let all = try await access.libvirt.domains()
            seen.list(all)
            for domain in all { due.add(domain.uuid) }
            return true
        } catch LibvirtError.noAnswer {
            return false
        } catch {
            // LibvirtService logs the loss, and its next connection leads to a new list.
            logger.debug("domains cannot be listed", metadata: ["error": "\(error)"])
            return true
        }
    }

    /// - Returns: false when the caller has to try again soon.
    private func sync(_ uuid: String) async -> Bool {
        do {
            try await binder.sync(uuid: uuid)
            return true
        } catch Refusal.claim(_, .guestStarting) {
            return false
        } catch LibvirtError.noAnswer {
            return false
        } catch {
            // The binder reports it. After a lost connection, the next one leads to a new list.
            return true
        }
    }
}

extension DomainEvent.Change {
    /// Whether the domain may now differ from its request.
    fileprivate var concernsBinding: Bool {
        switch self {
        case .defined, .undefined, .started, .stopped, .crashed: true
        // Buslane's own definitions change its own record.
        case .metadataChanged(let namespace): namespace != DomainAssignment.namespace
        default: false
        }
    }
}

/// The domains that are due. One task at a time takes a domain.
private final class DueDomains: Sendable {
    /// How many domains can be taken at once.
    private static let limit = 8

    private struct State {
        var all = false
        var waiting: Set<String> = []
        var busy: Set<String> = []
    }

    /// Has an element whenever a domain may be due.
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

    /// nil when no domain is due or the limit is reached.
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
