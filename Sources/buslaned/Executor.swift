// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Logging

/// Carries out changes, a checked step at a time: record the intent, check, act, read again, check, mark done.
struct Executor: Sendable {
    let host: any Host
    let ledger: Ledger
    let logger: Logger
    /// Told of each step once it is verified.
    var onStep: @Sendable (HostAction) -> Void = { _ in }
    /// How long a write may take until it returns.
    var writePatience: @Sendable (HostAction) -> Duration = \.patience
    /// How long the host may take after that until an action's effect shows.
    let patience: @Sendable (HostAction) -> Duration

    /// A step that did not come out as promised, and what became of the steps before it.
    struct Failure: Error, CustomStringConvertible {
        let action: HostAction
        let reason: String
        /// What could not be put back; empty when all was.
        let notUndone: [Aspect]

        var description: String {
            "could not \(action): \(reason)"
                + (notUndone.isEmpty
                    ? "; everything before it was undone"
                    : "; not undone: \(notUndone.map(\.subject.description).joined(separator: ", "))")
        }
    }

    /// The same, with somebody who is told of each step.
    func telling(_ onStep: @escaping @Sendable (HostAction) -> Void) -> Executor {
        var copy = self
        copy.onStep = onStep
        return copy
    }

    /// Makes every change, or none of them.
    ///
    /// - Throws: ``Failure`` after the changes made so far were undone in reverse.
    func run(_ changes: [Change], context: Intent.Context) async throws {
        if let last = try await runLeavingOpen(changes, context: context) { try await ledger.close(intent: last) }
    }

    /// The same for a caller that closes the last intent with what it writes next: a commit less.
    ///
    /// - Parameter previous: an intent that was left open before, closed with the first commit.
    /// - Returns: the intent that is still open, whose step is verified; `previous` when there was nothing to do.
    func runLeavingOpen(
        _ changes: [Change], context: Intent.Context, closing previous: Int? = nil
    ) async throws -> Int? {
        guard var action = changes.first?.steps.first?.action else { return previous }
        var begun: [Change] = []
        var openIntent = previous
        do {
            for change in changes {
                for (position, step) in change.steps.enumerated() {
                    action = step.action
                    openIntent = try await ledger.open(
                        step.action, of: change, context: context, closing: openIntent)
                    try check(step)
                    // From here on there may be something to undo; before, a stranger's work would be undone.
                    if position == 0 { begun.append(change) }
                    try await take(step)
                    onStep(step.action)
                }
            }
        } catch let blocked as Blocked {
            // The kernel has not let go of it: what one more write would wait for, and what state it is in, nobody knows.
            // Its intent stays open, and a person or the next start settles it.
            let reason = describe(blocked, action)
            logger.error("a write hangs", metadata: ["action": "\(action)", "reason": "\(reason)"])
            try? await ledger.quarantine(action.suspect(on: LiveFunctions(host: host)), reason: reason)
            throw Failure(action: action, reason: reason, notUndone: begun.map(\.from))
        } catch {
            let failure = await undo(begun, after: error, during: action)
            if let openIntent, failure.notUndone.isEmpty { try? await ledger.close(intent: openIntent) }
            throw failure
        }
        return openIntent
    }

    private struct Unmet: Error, CustomStringConvertible {
        let description: String
    }

    private func check(_ step: Step) throws {
        let live = LiveFunctions(host: host)
        guard let unmet = step.preconditions.first(where: { !$0.holds(on: live) }) else { return }
        throw Unmet(description: "it needs that \(unmet)")
    }

    private func take(_ step: Step) async throws {
        do {
            try await perform(step.action)
        } catch let blocked as Blocked {
            throw blocked
        } catch {
            throw Unmet(description: "\(error)")
        }
        try await verify(step)
        logger.debug("step verified", metadata: ["action": "\(step.action)"])
    }

    /// Some drivers refuse a VF's settings for a while: they are asked again whenever the host reports a change.
    private func perform(_ action: HostAction) async throws {
        let deadline = ContinuousClock.now + patience(action)
        while true {
            do {
                return try await Self.perform(action, on: host, within: writePatience(action))
            } catch let error as any KernelAnswering {
                let driver = try host.function(at: action.subject)?.driver
                guard let answer = error.answer, DriverOrder.of(driver: driver).passes(answer, to: action),
                    ContinuousClock.now < deadline
                else { throw error }
                await host.waitForChange(upTo: .milliseconds(100))
            }
        }
    }

    /// Some drivers make their VFs after the write returned: look again whenever the host reports a change.
    private func verify(_ step: Step) async throws {
        let patience = self.patience(step.action)
        let deadline = ContinuousClock.now + patience
        while true {
            let live = LiveFunctions(host: host)
            guard let unmet = step.postconditions.first(where: { !$0.holds(on: live) }) else { return }
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else {
                throw Unmet(
                    description: "it was done, but after \(patience) it is not so that \(unmet)")
            }
            await host.waitForChange(upTo: min(left, .seconds(1)))
        }
    }

    /// Who keeps a write from returning, as far as that can be told.
    private func describe(_ blocked: Blocked, _ action: HostAction) -> String {
        let function = try? host.function(at: action.subject)
        let vfs = (function?.sriov?.virtualFunctions ?? []).compactMap { try? host.function(at: $0) }
        let groups = (try? host.openGroups()) ?? [:]
        for held in [function].compactMap(\.self) + vfs {
            guard let group = held.iommuGroup, let holder = groups[group] else { continue }
            return "\(blocked): \(holder) has \(held.address) open"
        }
        return "\(blocked): the kernel waits for something that it does not tell; dmesg may"
    }

    /// - Parameter action: what was under way when the error came.
    private func undo(_ begun: [Change], after error: any Error, during action: HostAction) async -> Failure {
        var notUndone: [Aspect] = []
        for change in begun.reversed() {
            do {
                // What is gone took its state with it; what cannot be read is not gone.
                _ = try host.function(at: change.from.subject)
                if change.from.isGone(from: LiveFunctions(host: host)) { continue }
                guard let back = try Planner.change(to: change.from, on: LiveFunctions(host: host)) else { continue }
                for step in back.steps {
                    try check(step)
                    try await take(step)
                }
            } catch {
                logger.error("could not undo", metadata: ["subject": "\(change.from.subject)", "error": "\(error)"])
                notUndone.append(change.from)
            }
        }
        return Failure(action: action, reason: "\(error)", notUndone: notUndone)
    }
}

/// The host itself as a source of functions: each look is a fresh read.
struct LiveFunctions: FunctionSource {
    let host: any Host

    /// A function that cannot be read is treated as not there: no condition holds of it.
    subscript(_ address: PCIAddress) -> Function? { try? host.function(at: address) }
}

extension HostAction {
    /// How long the host may take until the effect shows: grows with the work.
    var patience: Duration {
        switch self {
        case .setVFCount(_, let count): .seconds(20 + 2 * count)
        default: .seconds(20)
        }
    }
}
