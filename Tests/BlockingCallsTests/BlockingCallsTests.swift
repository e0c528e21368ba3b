// SPDX-License-Identifier: GPL-3.0-or-later
import BlockingCalls
import Dispatch
import Synchronization
import Testing

@Suite("Calls that block")
struct BlockingCallsTests {
    private struct Late: Error {}
    private struct Broken: Error {}

    private let calls = BlockingCalls()
    private let queue = DispatchQueue(label: "test")

    @Test("a call returns its value, or throws its error")
    func inTime() async throws {
        let value = try await calls.run(on: queue, within: .seconds(60), late: Late() as any Error) { 42 }
        #expect(value == 42)
        await #expect(throws: Broken.self) {
            try await calls.run(on: queue, within: .seconds(60), late: Late() as any Error) { throw Broken() }
        }
    }

    @Test("the caller stops waiting, the call goes on, and a call behind it is never made")
    func late() async throws {
        let hung = DispatchSemaphore(value: 0)
        let made = Mutex<[String]>([])
        let over = AsyncStream.makeStream(of: Void.self)
        await #expect(throws: Late.self) {
            try await calls.run(on: queue, within: .milliseconds(10), late: Late() as any Error) {
                hung.wait()
                made.withLock { $0.append("first") }
            }
        }
        await #expect(throws: Late.self) {
            try await calls.run(
                on: queue, within: .milliseconds(10), late: Late() as any Error,
                whenOver: { over.continuation.finish() }
            ) { made.withLock { $0.append("second") } }
        }
        hung.signal()
        for await _ in over.stream {}
        #expect(made.withLock(\.self) == ["first"])
    }
}
