// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HostIO
import Testing

/// The number of open descriptors of this process.
private func openFiles() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }

@Suite("Device events", .timeLimit(.minutes(5)))
struct UdevMonitorTests {
    @Test("a consumer that is cancelled ends the stream")
    func cancelled() async throws {
        let monitor = try UdevMonitor()
        let consumer = Task { for await _ in monitor.events() {} }
        try await Task.sleep(for: .milliseconds(20))
        consumer.cancel()
        await consumer.value
    }

    @Test("a second consumer gets a stream that ends at once")
    func second() async throws {
        let monitor = try UdevMonitor()
        let first = monitor.events()
        for await _ in monitor.events() { Issue.record("an event for a second consumer") }
        withExtendedLifetime(first) {}
    }

    @Test("a monitor that ends leaves no thread and no descriptor")
    func noLeak() async throws {
        let before = try openFiles()
        for _ in 0..<50 {
            let monitor = try UdevMonitor()
            let consumer = Task { for await _ in monitor.events() {} }
            consumer.cancel()
            await consumer.value
        }
        for _ in 0..<100 where try openFiles() > before + 5 { try await Task.sleep(for: .milliseconds(20)) }
        #expect(try openFiles() <= before + 20)
    }
}
