// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// Those who wait for functions, in the order in which they came.
///
/// Whoever is before you is tried before you, and what they could be given is kept from you: a claim of many functions
/// is not starved by small ones. What nobody before you could use, you get at once.
actor AllocationQueue {
    /// Tries to make the claims out of what nobody who came earlier waits for: all of them or none.
    typealias Attempt = @Sendable ([ClaimRequest], _ earlier: [ClaimRequest]) async throws -> [Claim]

    private struct Entry {
        let id: Int
        let requests: [ClaimRequest]
        let attempt: Attempt
        let release: @Sendable ([Claim]) async -> Void
        /// False when nobody listens any more.
        let tell: @Sendable (Update) -> Bool
        /// Why it was not granted when it was last tried.
        var refusal: Refusal?
        /// The time was up before it was tried for the first time.
        var isOverdue = false
    }

    /// What one who waits is told.
    enum Update: Sendable {
        /// How many are before; 0 is next.
        case place(Int)
        case ended(Result<[Claim], any Error>)
    }

    private var entries: [Entry] = []
    private var nextID = 0
    private var isTrying = false
    private var mustTryAgain = false
    private var isTicking = false

    /// Who waits now, in order.
    var requests: [ClaimRequest] { entries.flatMap(\.requests) }

    /// Waits in line until the claims are made, refused for good, or the time is up.
    ///
    /// The stream's end of whoever listens is the end of the waiting.
    ///
    /// - Parameter release: for claims that were made after the client disconnected.
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
                giveUp(id)
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

    /// While anybody waits: what changes without telling is seen, and who went away without a word is noticed when the
    /// next word reaches nobody.
    private func tick() async {
        guard !isTicking else { return }
        isTicking = true
        while !entries.isEmpty {
            try? await Task.sleep(for: .seconds(1))
            await tryAll()
        }
        isTicking = false
    }

    /// Something was given back, or the host changed: whoever waits is tried again.
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

    /// Once through the line. Those who join or leave meanwhile are seen at the next.
    private func pass() async {
        for entry in entries {
            let earlier = entries.prefix { $0.id != entry.id }.flatMap(\.requests)
            do {
                let claims = try await entry.attempt(entry.requests, earlier)
                // Whoever left while it was made does not want it any more.
                let isThere = entries.contains { $0.id == entry.id }
                entries.removeAll { $0.id == entry.id }
                if !isThere || !entry.tell(.ended(.success(claims))) { await entry.release(claims) }
            } catch let refusal as Refusal where refusal.isTemporary {
                if let position = entries.firstIndex(where: { $0.id == entry.id }) {
                    entries[position].refusal = refusal
                    if entries[position].isOverdue { giveUp(entry.id) }
                }
            } catch {
                entries.removeAll { $0.id == entry.id }
                _ = entry.tell(.ended(.failure(error)))
            }
        }
        for (place, entry) in entries.enumerated() { _ = entry.tell(.place(place)) }
    }

    private func giveUp(_ id: Int) {
        guard let position = entries.firstIndex(where: { $0.id == id }) else { return }
        // Nobody is sent away who was never tried.
        guard let refusal = entries[position].refusal else { return entries[position].isOverdue = true }
        let entry = entries.remove(at: position)
        _ = entry.tell(.ended(.failure(refusal)))
        Task { await tryAll() }
    }

    private func leave(_ id: Int) async {
        guard entries.contains(where: { $0.id == id }) else { return }
        entries.removeAll { $0.id == id }
        await tryAll()
    }
}
