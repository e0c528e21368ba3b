// SPDX-License-Identifier: GPL-3.0-or-later
import Testing

@testable import buslaned

@Suite("Waiting for the host to change")
struct HostChangesTests {
    @Test("a wait ends at its limit, even a very short one", .timeLimit(.minutes(5)))
    func limit() async {
        let changes = HostChanges()
        var ended = 0
        for _ in 0..<2_000 {
            await changes.wait(upTo: .zero)
            ended += 1
        }
        #expect(ended == 2_000)
    }

    @Test("a change wakes all that wait for it", .timeLimit(.minutes(5)))
    func signal() async {
        let changes = HostChanges()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<10 { group.addTask { await changes.wait(upTo: .seconds(3600)) } }
            let signals = Task {
                while !Task.isCancelled {
                    changes.signal()
                    await Task.yield()
                }
            }
            var woken = 0
            for await _ in group { woken += 1 }
            signals.cancel()
            #expect(woken == 10)
        }
    }
}
