// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// The queue of requests that wait for free functions, in order of arrival.
///
/// Earlier requests are tried first, and functions that suit them are kept for them, so that small requests cannot
/// starve a request for many functions. ``KeepingTimes`` limits how long. A request gets functions that no earlier request
/// can use at once.
actor AllocationQueue {
    /// What the queue does with a request.
    struct Work: Sendable {
        /// The requests, by the configuration of now. Throws a ``Refusal`` when it does not allow them any more.
        let renew: @Sendable ([ClaimRequest]) throws -> [ClaimRequest]
        /// Looks at the host once for all who wait, in their order.
        let review: @Sendable ([Waiter]) async throws -> [WaitingReview.Prospect]
        /// Tries to make all the claims, or none, from functions that are not kept for the earlier requests.
        let attempt: @Sendable (_ requests: [ClaimRequest], _ earlier: [Waiter]) async throws -> [Claim]
        /// Releases claims that were made after the client disconnected.
        let release: @Sendable ([Claim]) async -> Void
    }

    private struct Entry {
        let id: Int
        var requests: [ClaimRequest]
        let caller: Caller
        let work: Work
        /// False when the client has disconnected.
        let send: @Sendable (Update) -> Bool
        /// As the client knows it; nil before its first message.
        var place: Int?
        /// The result of the last try; nil before the first.
        var refusal: Refusal?
        /// Whether the time ended before the first try.
        var isOverdue = false

        var keeper: KeepingTimes.Keeper { caller.isRoot ? .request(id) : .user(caller.uid) }
    }

    /// A message to a waiting client.
    enum Update: Sendable {
        /// The number of requests ahead; 0 is next.
        case place(Int)
        case ended(Result<[Claim], any Error>)
    }

    /// Seconds since the boot.
    private let clock: @Sendable () -> Int
    private var entries: [Entry] = []
    private var times = KeepingTimes()
    private var nextID = 0
    private var isTrying = false
    private var mustTryAgain = false
    private var isTicking = false

    init(clock: @escaping @Sendable () -> Int) { self.clock = clock }

    /// All who wait now, in order.
    var waiters: [Waiter] { waiters(at: clock()) }

    private func waiters(at now: Int) -> [Waiter] {
        entries.map { Waiter($0.requests, of: $0.caller, keepsFunctions: times.allows($0.keeper, at: now)) }
    }

    /// Queues the requests until the claims are made, the refusal is permanent, or the time ends.
    ///
    /// When the consumer ends the stream, the requests leave the queue.
    func wait(
        for requests: [ClaimRequest], of caller: Caller, upTo limit: Duration, _ work: Work
    ) -> AsyncStream<Update> {
        nextID += 1
        let id = nextID
        // Only the newest message matters.
        return AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            entries.append(
                Entry(id: id, requests: requests, caller: caller, work: work) { update in
                    defer { if case .ended = update { continuation.finish() } }
                    if case .terminated = continuation.yield(update) { return false }
                    return true
                })
            let deadline = Task {
                try await Task.sleep(for: limit)
                expire(id)
            }
            continuation.onTermination = { _ in
                deadline.cancel()
                Task { await self.leave(id) }
            }
            Task {
                await tryAll()
                await tick()
            }
        }
    }

    /// Tries again every second while a request waits: some changes cause no event.
    private func tick() async {
        guard !isTicking else { return }
        isTicking = true
        while !entries.isEmpty {
            try? await Task.sleep(for: .seconds(1))
            await tryAll()
        }
        isTicking = false
    }

    /// Tries all waiting requests again, after a release or a change of the host.
    func signal() async { if !entries.isEmpty { await tryAll() } }

    var isEmpty: Bool { entries.isEmpty }

    private func tryAll() async {
        guard !isTrying else {
            mustTryAgain = true
            return
        }
        isTrying = true
        repeat {
            mustTryAgain = false
            await pass()
        } while mustTryAgain
        isTrying = false
    }

    /// Reviews all requests together, and tries those that no longer have to wait. Requests that come or leave during the
    /// pass count in the next one.
    private func pass() async {
        renew()
        let (now, all) = (clock(), entries)
        // Without a review each is tried, and has the reason.
        let prospects = try? await all.first?.work.review(waiters(at: now))
        for (position, entry) in all.enumerated() {
            switch prospects?[position] {
            case .waits(let refusal, let keepsFunctions)?:
                if keepsFunctions { times.begin(entry.keeper, at: now) }
                stays(entry.id, refusal)
            case .ready?, .hopeless?, nil: await attempt(entry)
            }
        }
        for place in entries.indices where entries[place].place != place {
            entries[place].place = place
            _ = entries[place].send(.place(place))
        }
    }

    /// Ends the waiting of requests that would be refused if they were made now: the pool is gone, or the user may not claim
    /// from it any more. A configuration that cannot be read changes nothing.
    private func renew() {
        entries = entries.compactMap { entry in
            var entry = entry
            do {
                entry.requests = try entry.work.renew(entry.requests)
            } catch let refusal as Refusal where !refusal.isTemporary {
                _ = entry.send(.ended(.failure(refusal)))
                return nil
            } catch {}
            return entry
        }
    }

    private func attempt(_ entry: Entry) async {
        guard let position = entries.firstIndex(where: { $0.id == entry.id }) else { return }
        do {
            let claims = try await entry.work.attempt(entries[position].requests, Array(waiters.prefix(position)))
            // Release the claims if the client left during the try.
            let isThere = entries.contains { $0.id == entry.id }
            entries.removeAll { $0.id == entry.id }
            if !isThere || !entry.send(.ended(.success(claims))) { await entry.work.release(claims) }
        } catch let refusal as Refusal where refusal.isTemporary {
            stays(entry.id, refusal)
        } catch {
            entries.removeAll { $0.id == entry.id }
            _ = entry.send(.ended(.failure(error)))
        }
    }

    /// Keeps the result of a try.
    private func stays(_ id: Int, _ refusal: Refusal) {
        guard let position = entries.firstIndex(where: { $0.id == id }) else { return }
        entries[position].refusal = refusal
        if entries[position].isOverdue { expire(id) }
    }

    /// Ends the waiting of a request with the refusal of its last try.
    private func expire(_ id: Int) {
        guard let position = entries.firstIndex(where: { $0.id == id }) else { return }
        // Try each request at least once.
        guard let refusal = entries[position].refusal else { return entries[position].isOverdue = true }
        let entry = entries.remove(at: position)
        _ = entry.send(.ended(.failure(refusal)))
        Task { await tryAll() }
    }

    private func leave(_ id: Int) async {
        guard entries.contains(where: { $0.id == id }) else { return }
        entries.removeAll { $0.id == id }
        await tryAll()
    }
}
