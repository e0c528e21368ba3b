// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Libvirt
import Logging
import ServiceLifecycle
import Synchronization

/// Makes domains what their requests ask for: a domain after each event about it, and all of them at each connection and
/// at an interval.
struct BindingService: Service {
    let access: DomainAccess
    let binder: DomainBinder
    let seen: SeenDomains
    let logger: Logger
    /// Watched from the start: the first connection is reported only once.
    private let news: AsyncStream<DomainNews>

    /// Events come in groups: a definition causes several.
    private static let pause: Duration = .milliseconds(100)
    private static let interval: Duration = .seconds(300)
    /// Until the next try at a domain that was starting, or that libvirt did not answer about.
    private static let again: Duration = .seconds(5)

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
                            try await Task.sleep(for: Self.again)
                            due.addAll()
                        }
                    }
                    while let uuid = due.take() {
                        group.addTask {
                            let isDone = await sync(uuid)
                            due.done(uuid)
                            if isDone { return }
                            try await Task.sleep(for: Self.again)
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

    /// - Returns: false when libvirt has not answered, and is to be asked again soon: a list waits for every hook that runs.
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

    /// - Returns: false when the domain is to be tried again soon.
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
    /// Whether the domain may no longer have what it asks for.
    fileprivate var concernsBinding: Bool {
        switch self {
        case .defined, .undefined, .started, .stopped, .crashed: true
        // Buslane's own record changes with its own definitions.
        case .metadataChanged(let namespace): namespace != DomainAssignment.namespace
        default: false
        }
    }
}

/// The domains that are due, each taken by one task at a time.
private final class DueDomains: Sendable {
    /// How many are taken at once.
    private static let limit = 8

    private struct State {
        var all = false
        var waiting: Set<String> = []
        var busy: Set<String> = []
    }

    /// One element whenever a domain may be taken.
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

    /// nil when none waits, or the limit is reached.
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
