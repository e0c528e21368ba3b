// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch

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
    private let thread = LookThread()

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
            do {
                let value = try await read()
                await self.end()
                return value
            } catch {
                await self.end()
                throw error
            }
        }
        coming = look
        return look
    }

    private func begin() { (begun, coming) = (coming, nil) }

    private func end() { begun = nil }
}

/// A thread for looks, so that they take none of the few that all other work shares.
private final class LookThread: TaskExecutor {
    private let queue = DispatchQueue(label: "buslane.look")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // SAFETY: the runtime gives each job once, and it is run once.
        queue.async { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
