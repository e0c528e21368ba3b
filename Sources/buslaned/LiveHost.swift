// SPDX-License-Identifier: GPL-3.0-or-later
import HostIO
import HostModel
import Synchronization

/// The real host: sysfs, rtnetlink and the process table, behind the seam that the daemon decides against.
struct LiveHost: Host {
    let reader: SysfsReader
    let writer: SysfsWriter
    let holders: FunctionHolders
    let changes: HostChanges

    init(paths: HostPaths) {
        reader = SysfsReader(paths: paths)
        writer = SysfsWriter(paths: paths)
        holders = FunctionHolders(paths: paths)
        changes = HostChanges()
    }

    /// What decisions need: the same facts as ``function(at:)`` has, so that the two can be compared.
    func snapshot() throws -> HostSnapshot { try reader.snapshot(including: .vfSettings) }

    func function(at address: PCIAddress) throws -> Function? { try reader.function(at: address) }

    func perform(_ action: HostAction) throws { try writer.perform(action) }

    func openGroups() throws -> [Int: ProcessHolder] { try holders.openGroups().compactMapValues(\.first) }

    func waitForChange(upTo limit: Duration) async { await changes.wait(upTo: limit) }
}

/// Lets any number of waiters know that the host reported a change.
final class HostChanges: Sendable {
    private struct Waiters {
        var next = 0
        var continuations: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let waiters = Mutex(Waiters())

    /// Returns at the next change, or when the time is up.
    func wait(upTo limit: Duration) async {
        let id = waiters.withLock { waiters in
            waiters.next += 1
            return waiters.next
        }
        await withCheckedContinuation { continuation in
            waiters.withLock { $0.continuations[id] = continuation }
            // Only now: a timer that ran out before there was anyone to wake would never wake them.
            Task {
                try? await Task.sleep(for: limit)
                wake(id)
            }
        }
    }

    /// Something changed: everyone looks again.
    func signal() {
        let woken = waiters.withLock { waiters in
            defer { waiters.continuations = [:] }
            return waiters.continuations.values.map(\.self)
        }
        for continuation in woken { continuation.resume() }
    }

    private func wake(_ id: Int) {
        waiters.withLock { $0.continuations.removeValue(forKey: id) }?.resume()
    }
}
