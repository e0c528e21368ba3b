// SPDX-License-Identifier: GPL-3.0-or-later
import BlockingCalls

/// Looks that take long, as at the whole host, shared by all who ask at the same time.
///
/// A caller gets a look that begins after it asked: an earlier one may miss what the caller knows already. While a look runs,
/// all who ask wait for the next one, so there are never more than two, however many ask.
actor SharedLook<Value: Sendable> {
    private let read: @Sendable () async throws -> Value
    /// The look that runs; nil for none.
    private var begun: Task<Value, any Error>?
    /// The look that begins next; nil while nobody waits for one.
    private var coming: Task<Value, any Error>?
    /// Of its own, so that looks take none of the threads that all other work shares.
    private let thread = BlockingThreads(limit: 1)

    /// - Parameter read: the look. It runs in a thread of its own, where it may block.
    init(_ read: @escaping @Sendable () async throws -> Value) { self.read = read }

    /// What a look finds that begins after this call.
    func now() async throws -> Value { try await join().value }

    /// That look.
    func join() -> Task<Value, any Error> {
        if let coming { return coming }
        let earlier = begun
        // Not in this actor: others must be able to join the next look meanwhile.
        let look = Task.detached(executorPreference: thread) { [read] in
            _ = await earlier?.result
            await self.begin()
            let outcome: Result<Value, any Error>
            do { outcome = .success(try await read()) } catch { outcome = .failure(error) }
            await self.end()
            return try outcome.get()
        }
        coming = look
        return look
    }

    private func begin() { (begun, coming) = (coming, nil) }

    private func end() { begun = nil }
}
