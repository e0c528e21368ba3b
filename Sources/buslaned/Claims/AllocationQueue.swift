// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// The queue of requests that wait for free functions, in order of arrival.
///
/// Earlier requests are tried first, and functions that suit them are kept for them, so that small requests cannot
/// starve a request for many functions. A request gets functions that no earlier request can use at once.
actor AllocationQueue {
    /// Tries to make all the claims, or none, from functions that are not kept for the earlier requests.
    typealias Attempt = @Sendable ([ClaimRequest], _ earlier: [ClaimRequest]) async throws -> [Claim]

    private struct Entry {
        let id: Int
        let requests: [ClaimRequest]
        let attempt: Attempt
        let release: @Sendable ([Claim]) async -> Void
        /// False when the client has disconnected.
        let send: @Sendable (Update) -> Bool
        /// The result of the last try; nil before the first.
        var refusal: Refusal?
        /// Whether the time ended before the first try.
        var isOverdue = false
    }

    /// A message to a waiting client.
    enum Update: Sendable {
        /// The number of requests ahead; 0 is next.
        case place(Int)
        case ended(Result<[Claim], any Error>)
    }

    private var entries: [Entry] = []
    private var nextID = 0
    private var isTrying = false
    private var mustTryAgain = false
    private var isTicking = false

    /// The requests that wait now, in order.
    var requests: [ClaimRequest] { entries.flatMap(\.requests) }

    /// Queues the requests until the claims are made, the refusal is permanent, or the time ends.
    ///
    /// When the consumer ends the stream, the requests leave the queue.
    ///
    /// - Parameter release: releases claims that were made after the client disconnected.
    func wait(
        for requests: [ClaimRequest], upTo limit: Duration, release: @escaping @Sendable ([Claim]) async -> Void,
        _ attempt: @escaping Attempt
    ) -> AsyncStream<Update> {
        nextID += 1
        let id = nextID
        return AsyncStream { continuation in
            entries.append(
                Entry(id: id, requests: requests, attempt: attempt, release: release) { update in
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

    /// Tries again every second while a request waits: some changes cause no event, and a client that disconnected is
    /// noticed when a message cannot be sent.
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

    /// Tries each request once. Requests that come or leave during the pass count in the next one.
    private func pass() async {
        for entry in entries {
            let earlier = entries.prefix { $0.id != entry.id }.flatMap(\.requests)
            do {
                let claims = try await entry.attempt(entry.requests, earlier)
                // Release the claims if the client left during the try.
                let isThere = entries.contains { $0.id == entry.id }
                entries.removeAll { $0.id == entry.id }
                if !isThere || !entry.send(.ended(.success(claims))) { await entry.release(claims) }
            } catch let refusal as Refusal where refusal.isTemporary {
                if let position = entries.firstIndex(where: { $0.id == entry.id }) {
                    entries[position].refusal = refusal
                    if entries[position].isOverdue { expire(entry.id) }
                }
            } catch {
                entries.removeAll { $0.id == entry.id }
                _ = entry.send(.ended(.failure(error)))
            }
        }
        for (place, entry) in entries.enumerated() { _ = entry.send(.place(place)) }
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
