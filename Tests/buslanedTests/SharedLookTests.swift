// SPDX-License-Identifier: GPL-3.0-or-later
import Synchronization
import Testing

@testable import buslaned

@Suite("Looks that are shared")
struct SharedLookTests {
    /// A look that does not end before it is let go.
    private final class Gate: Sendable {
        private let count = Mutex(0)
        private let begun = AsyncStream.makeStream(of: Int.self)
        private let gone = AsyncStream.makeStream(of: Void.self)

        var looks: Int { count.withLock(\.self) }

        func look() async -> Int {
            let number = count.withLock { count in
                count += 1
                return count
            }
            begun.continuation.yield(number)
            for await _ in gone.stream { break }
            return number
        }

        func hasBegun(_ number: Int) async { for await begun in begun.stream where begun == number { return } }
        func letGo() { gone.continuation.yield() }
    }

    @Test("a look that has begun before the question is not the answer; all who ask meanwhile get the next one")
    func shared() async throws {
        let gate = Gate()
        let looks = SharedLook { await gate.look() }
        let first = await looks.join()
        await gate.hasBegun(1)
        var others: [Task<Int, any Error>] = []
        for _ in 0..<64 { others.append(await looks.join()) }
        #expect(Set(others).count == 1 && others[0] != first)
        gate.letGo()
        #expect(try await first.value == 1)
        await gate.hasBegun(2)
        let last = await looks.join()
        #expect(last != others[0])
        gate.letGo()
        for other in others { #expect(try await other.value == 2) }
        gate.letGo()
        #expect(try await last.value == 3)
        #expect(gate.looks == 3)
    }

    @Test("those who ask before a look has begun share it, and a failure of one is no failure of the next")
    func failure() async throws {
        struct Unreadable: Error {}
        let isBroken = Mutex(true)
        let looks = SharedLook { if isBroken.withLock(\.self) { throw Unreadable() } }
        await #expect(throws: Unreadable.self) { try await looks.now() }
        isBroken.withLock { $0 = false }
        try await looks.now()
    }
}
