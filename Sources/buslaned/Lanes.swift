// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// One lane a PF: work on different PFs runs side by side, work on one PF in order of arrival.
actor Lanes {
    private var waiting: [PCIAddress: [CheckedContinuation<Void, Never>]] = [:]

    func run<Result: Sendable>(
        on physicalFunction: PCIAddress, _ work: @Sendable () async throws -> Result
    ) async throws -> Result {
        await enter(physicalFunction)
        defer { leave(physicalFunction) }
        return try await work()
    }

    private func enter(_ lane: PCIAddress) async {
        guard waiting[lane] != nil else {
            waiting[lane] = []
            return
        }
        await withCheckedContinuation { waiting[lane, default: []].append($0) }
    }

    private func leave(_ lane: PCIAddress) {
        guard var queue = waiting[lane], !queue.isEmpty else {
            waiting[lane] = nil
            return
        }
        let next = queue.removeFirst()
        waiting[lane] = queue
        next.resume()
    }
}
