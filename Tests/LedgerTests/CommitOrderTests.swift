// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
import Synchronization
import TemporaryFiles
import Testing

@testable import Ledger

@Suite("The order of writes")
struct CommitOrderTests {
    @Test("a write of high priority goes before those that wait, and they stay in their order")
    func urgent() async throws {
        let folder = TemporaryFolder()
        let ledger = try Ledger(path: folder.ledger)
        let order = Order()
        let (isWriting, mayGoOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        @Sendable func write(_ name: String, _ priority: TaskPriority, stopping: Bool = false) -> Task<Void, any Error>
        {
            Task.detached(priority: priority) {
                try await ledger.commits.run { _ in
                    order.names.withLock { $0.append(name) }
                    guard stopping else { return }
                    isWriting.signal()
                    mayGoOn.wait()
                }
            }
        }
        /// Adds a write to those that wait; returns when it is there.
        func waits(_ name: String, _ priority: TaskPriority, stopping: Bool = false) async -> Task<Void, any Error> {
            let before = ledger.commits.countOfWaiting
            let task = write(name, priority, stopping: stopping)
            while ledger.commits.countOfWaiting == before { await Task.yield() }
            return task
        }
        // While the first one is written, two come; while the first of these is written, root's.
        var tasks = [write("first", .medium, stopping: true)]
        await Self.reached(isWriting)
        tasks.append(await waits("second", .medium, stopping: true))
        tasks.append(await waits("third", .medium))
        tasks.append(await waits("fourth", .medium))
        mayGoOn.signal()
        await Self.reached(isWriting)
        tasks.append(await waits("root's", .high))
        tasks.append(await waits("root's next", .high))
        mayGoOn.signal()
        for task in tasks { try await task.value }
        #expect(order.names.withLock(\.self) == ["first", "second", "root's", "root's next", "third", "fourth"])
    }

    private final class Order: Sendable { let names = Mutex<[String]>([]) }

    private static func reached(_ semaphore: DispatchSemaphore) async {
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "waits").async {
                semaphore.wait()
                continuation.resume()
            }
        }
    }
}
