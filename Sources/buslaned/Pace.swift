// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Synchronization

/// One step of long work, as whoever waits for it is told.
struct Stride: Sendable, Equatable {
    /// How many steps are done, this one with them.
    let number: Int
    /// How many there are, as far as that was foreseen.
    let total: Int
    let physicalFunction: PCIAddress
    let action: HostAction
}

/// Counts the steps of a plan whose cards are worked on side by side.
final class Pace: Sendable {
    private let foreseen: Int
    private let done = Mutex(0)
    private let report: @Sendable (Stride) -> Void

    init(of plan: Plan, _ report: @escaping @Sendable (Stride) -> Void) {
        foreseen = plan.perPF.reduce(0) { $0 + $1.stepCount }
        self.report = report
    }

    func stepDone(_ action: HostAction, of physicalFunction: PCIAddress) {
        // Told while the count is held: two cards' steps come in order.
        done.withLock { done in
            done += 1
            report(
                Stride(
                    number: done, total: max(foreseen, done), physicalFunction: physicalFunction, action: action))
        }
    }
}
