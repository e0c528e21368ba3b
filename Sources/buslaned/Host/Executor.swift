// SPDX-License-Identifier: GPL-3.0-or-later
import BlockingCalls
import Dispatch
import HostModel
import Ledger
import Logging

/// Carries out changes, a checked step at a time: record the intent, check, act, read again, check, mark done.
struct Executor: Sendable {
    let host: any Host
    let ledger: Ledger
    let logger: Logger
    private let writes = BlockingCalls()
    /// Told of each step once it is verified.
    var onStep: @Sendable (HostAction) -> Void = { _ in }
    /// How long a write may take until it returns.
    var writePatience: @Sendable (HostAction) -> Duration = \.patience
    /// How long the host may take after that until an action's effect shows.
    let patience: @Sendable (HostAction) -> Duration

    /// A step that failed, and the earlier steps that could not be undone.
    struct Failure: Reportable {
        let action: HostAction
        let reason: String
        /// Empty when every earlier step was undone.
        let notUndone: [Aspect]

        var report: ErrorReport {
            ErrorReport(
                .conflict, "step-failed", action.subject,
                "could not \(action): \(reason)"
                    + (notUndone.isEmpty
                        ? "; everything before it was undone"
                        : "; not undone: \(notUndone.map(\.subject.description).joined(separator: ", "))"),
                remedy: "buslane audit shows the steps; check dmesg for the kernel's reason")
        }
    }

    /// A write that has not returned in time. It may still return.
    struct Blocked: Error, CustomStringConvertible {
        let patience: Duration

        var description: String { "the write has not returned after \(patience)" }
    }

    /// The same, with somebody who is told of each step.
    func telling(_ onStep: @escaping @Sendable (HostAction) -> Void) -> Executor {
        var copy = self
        copy.onStep = onStep
        return copy
    }

    /// Makes every change, or none of them.
    ///
    /// - Parameter context: of the intents; nil where the ledger says already where the changes lead, as it does of a claim
    ///   that is `releasing`.
    /// - Throws: ``Failure`` after the changes made so far were undone in reverse.
    func run(_ changes: [Change], context: Intent.Context?) async throws {
        guard let first = changes.first, let start = first.steps.first else { return }
        var current = (change: first, action: start.action)
        var begun: [Change] = []
        var open = OpenIntents()
        do {
            for run in changes.runs {
                if let context {
                    open = OpenIntents(ids: try await ledger.open(run, context: context, closing: open.ids))
                }
                for change in run {
                    var kept: [Condition] = []
                    for (position, step) in change.steps.enumerated() {
                        current = (change, step.action)
                        try check(step, knowing: kept)
                        if position == 0 {
                            // From here on there may be something to undo; before, a stranger's work would be undone.
                            begun.append(change)
                            open.begun += 1
                        }
                        try await take(step)
                        kept = step.postconditions
                        onStep(step.action)
                    }
                }
            }
        } catch let blocked as Blocked {
            // The kernel has not let go of it: what one more write would wait for, and what state it is in, nobody knows.
            // Its intent stays open, and a person or the next start settles it.
            let reason = describe(blocked, current.action)
            logger.error("a write hangs", metadata: ["action": "\(current.action)", "reason": "\(reason)"])
            try? await ledger.close(intents: open.notBegun)
            try? await ledger.quarantine(current.change.to.suspect(on: FreshLook(host: host)), reason: reason)
            throw Failure(action: current.action, reason: reason, notUndone: begun.map(\.from))
        } catch {
            let failure = await undo(begun, after: error, during: current.action)
            try? await ledger.close(intents: failure.notUndone.isEmpty ? open.ids : open.notBegun)
            throw failure
        }
        try await ledger.close(intents: open.ids)
    }

    /// The intents that were written down last, and how many of their changes were begun.
    private struct OpenIntents {
        var ids: [Int] = []
        var begun = 0

        var notBegun: [Int] { Array(ids.dropFirst(begun)) }
    }

    private struct Unmet: Error, CustomStringConvertible {
        let description: String
    }

    /// - Parameter kept: what the step before promised and was seen to keep: that is not looked at again.
    private func check(_ step: Step, knowing kept: [Condition] = []) throws {
        let live = FreshLook(host: host)
        guard let unmet = step.preconditions.first(where: { !kept.contains($0) && !$0.holds(on: live) }) else { return }
        throw Unmet(description: "it needs that \(unmet)")
    }

    private func take(_ step: Step) async throws {
        do {
            try await perform(step.action)
            try await verify(step)
        } catch let known where known is Blocked || known is Unmet {
            throw known
        } catch {
            throw Unmet(description: "\(error)")
        }
        logger.debug("step verified", metadata: ["action": "\(step.action)"])
    }

    /// Some drivers refuse a VF's settings for a while: they are asked again whenever the host reports a change.
    private func perform(_ action: HostAction) async throws {
        let deadline = ContinuousClock.now + patience(action)
        while true {
            do {
                return try await perform(action, within: writePatience(action))
            } catch let error as any KernelAnswering {
                let driver = try host.function(at: action.subject, with: [])?.driver
                guard let answer = error.answer, DriverOrder.of(driver: driver).passes(answer, to: action),
                    ContinuousClock.now < deadline
                else { throw error }
                await host.waitForChange(upTo: .milliseconds(100))
            }
        }
    }

    /// Runs one action in a thread that nothing else waits for: a sysfs write can block for long.
    ///
    /// - Throws: the host's error, and ``Blocked`` when the write has not returned in time.
    private func perform(_ action: HostAction, within limit: Duration) async throws {
        try await writes.run(on: .global(), within: limit, late: Blocked(patience: limit) as any Error) { [host] in
            try host.perform(action)
        }
    }

    /// How long a probe that did nothing is left alone.
    private static let probeInterval: Duration = .milliseconds(500)

    /// Some drivers make their VFs after the write returned: look again whenever the host reports a change.
    ///
    /// A probe is asked for again. While another driver, of a module that is just being loaded, has a look at the
    /// function and is about to be refused it, the kernel takes it for bound and does nothing.
    /// Source: `bus_rescan_devices_helper`, drivers/base/bus.c, which asks for `dev->driver` without the device's lock.
    private func verify(_ step: Step) async throws {
        let patience = self.patience(step.action)
        let deadline = ContinuousClock.now + patience
        var nextProbe = ContinuousClock.now + Self.probeInterval
        while true {
            let live = FreshLook(host: host)
            guard let unmet = step.postconditions.first(where: { !$0.holds(on: live) }) else { return }
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else {
                throw Unmet(
                    description: "it was done, but after \(patience) it is not so that \(unmet)")
            }
            await host.waitForChange(upTo: min(left, Self.probeInterval))
            if case .probeDriver = step.action, nextProbe <= min(.now, deadline) {
                logger.debug("asked again", metadata: ["action": "\(step.action)"])
                try await perform(step.action)
                nextProbe = .now + Self.probeInterval
            }
        }
    }

    /// Who keeps a write from returning, as far as that can be told.
    private func describe(_ blocked: Blocked, _ action: HostAction) -> String {
        let live = FreshLook(host: host)
        let function = live[action.subject]
        let vfs = (function?.sriov?.virtualFunctions ?? []).compactMap { live[$0] }
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
                _ = try host.function(at: change.from.subject, with: [])
                if change.from.isGone(from: FreshLook(host: host)) { continue }
                guard let back = try Change.leading(to: change.from, on: FreshLook(host: host)) else { continue }
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

extension HostAction {
    /// How long the host may take until the effect shows: grows with the work.
    var patience: Duration {
        switch self {
        case .setVFCount(_, let count): .seconds(20 + 2 * count)
        default: .seconds(20)
        }
    }
}
