// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Synchronization

/// Counts the steps of a plan while several PFs are worked on at the same time, and reports each of them.
final class ApplyProgress: Sendable {
    /// One finished step of a plan.
    struct Step: Sendable, Equatable {
        /// How many steps are done, including this one.
        let number: Int
        /// How many steps the plan has. Grows when a PF has to be planned again.
        let total: Int
        let physicalFunction: PCIAddress
        let action: HostAction
    }

    private let planned: Int
    private let done = Mutex(0)
    private let report: @Sendable (Step) -> Void

    init(of plan: Plan, _ report: @escaping @Sendable (Step) -> Void) {
        planned = plan.perPF.reduce(0) { $0 + $1.stepCount }
        self.report = report
    }

    func stepDone(_ action: HostAction, of physicalFunction: PCIAddress) {
        // Reported while the lock is held, so that the steps of two PFs arrive in order.
        done.withLock { done in
            done += 1
            report(
                Step(number: done, total: max(planned, done), physicalFunction: physicalFunction, action: action))
        }
    }
}
