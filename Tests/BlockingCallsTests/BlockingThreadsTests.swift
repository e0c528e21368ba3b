// SPDX-License-Identifier: GPL-3.0-or-later
import BlockingCalls
import Dispatch
import Synchronization
import Testing

@Suite("Threads that may block")
struct BlockingThreadsTests {
    /// Calls that hang until they are let go, and tell that they have begun.
    private final class Hanging: Sendable {
        private let end = DispatchSemaphore(value: 0)
        private let begun = AsyncStream.makeStream(of: Void.self)

        func hang() {
            begun.continuation.yield()
            end.wait()
        }

        func haveBegun(_ count: Int) async {
            var left = count
            for await _ in begun.stream {
                left -= 1
                if left == 0 { return }
            }
        }

        func letGo(_ count: Int) { for _ in 0..<count { end.signal() } }
    }

    @Test("many calls hang side by side, and tasks beside them go on")
    func sideBySide() async {
        let threads = BlockingThreads(limit: 64)
        let hanging = Hanging()
        async let hung: Void = withTaskExecutorPreference(threads) {
            await withDiscardingTaskGroup { group in
                for _ in 0..<50 { group.addTask { hanging.hang() } }
            }
        }
        await hanging.haveBegun(50)
        #expect(
            await withTaskExecutorPreference(threads) {
                await Task.yield(); return 42
            } == 42)
        hanging.letGo(50)
        await hung
    }

    @Test("beyond the limit work waits, in order, and is done by the threads that become free")
    func limit() async {
        let threads = BlockingThreads(limit: 1)
        let hanging = Hanging()
        let done = Mutex<[Int]>([])
        threads.start { hanging.hang() }
        await hanging.haveBegun(1)
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        for number in 0..<5 { threads.start { done.withLock { $0.append(number) } } }
        threads.start { end.finish() }
        #expect(done.withLock(\.self) == [])
        hanging.letGo(1)
        for await _ in ends {}
        #expect(done.withLock(\.self) == [0, 1, 2, 3, 4])
    }

    @Test("while a call hangs, no other about its subject is made; others are")
    func hangingCalls() async {
        let calls = HangingCalls()
        let hanging = Hanging()
        #expect(calls.result(about: "a", within: .seconds(600)) { 1 } == 1)
        #expect(calls.result(about: "a", within: .milliseconds(10)) { hanging.hang() } == nil)
        #expect(calls.result(about: "a", within: .seconds(600)) { 2 } == nil)
        #expect(calls.result(about: "b", within: .seconds(600)) { 3 } == 3)
        hanging.letGo(1)
        while calls.result(about: "a", within: .seconds(600), of: { 4 }) == nil { await Task.yield() }
    }
}
