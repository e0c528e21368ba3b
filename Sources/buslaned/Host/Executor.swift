// SPDX-License-Identifier: GPL-3.0-or-later
import BlockingCalls
import HostModel
import Ledger
import Logging

/// Makes changes in checked steps: record the intent, check, act, read again, check, close the intent.
struct Executor: Sendable {
    let host: any Host
    let ledger: Ledger
    let logger: Logger
    private let writes = BlockingCalls()
    /// Each write that hangs keeps one. Nothing but writes waits for them.
    private let threads = BlockingThreads(limit: 32)
    /// Called after each verified step.
    var onStep: @Sendable (HostAction) -> Void = { _ in }
    /// How long a write may take to return.
    var writePatience: @Sendable (HostAction) -> Duration = \.patience
    /// How long the effect of an action may take to show after the write has returned.
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

    /// A copy that calls `onStep` after each verified step.
    func reporting(_ onStep: @escaping @Sendable (HostAction) -> Void) -> Executor {
        var copy = self
        copy.onStep = onStep
        return copy
    }

    /// Makes all changes or none.
    ///
    /// - Parameter context: the context of the intents; nil when the ledger already records the goal of the changes, as
    ///   for a claim that is `releasing`.
    /// - Throws: ``Failure``, after undoing the changes so far in reverse order.
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
                            // An undo before this point would undo another program's work.
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
            // The kernel still holds the function: its state is unknown, and another write could block too. The intent
            // stays open for `buslane recover` or the recovery at the next start.
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

    /// The intents that were recorded last, and how many of their changes were begun.
    private struct OpenIntents {
        var ids: [Int] = []
        var begun = 0

        var notBegun: [Int] { Array(ids.dropFirst(begun)) }
    }

    private struct Unmet: Error, CustomStringConvertible {
        let description: String
    }

    /// - Parameter kept: the verified postconditions of the step before. They are not checked again.
    private func check(_ step: Step, knowing kept: [Condition] = []) throws {
        let live = FreshLook(host: host)
        guard let unmet = step.preconditions.first(where: { !kept.contains($0) && !$0.holds(on: live) }) else { return }
        throw Unmet(description: "a precondition does not hold: \(unmet)")
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

    /// Some drivers refuse a VF's settings for a while. The write is tried again whenever the host reports a change.
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
        try await writes.run(on: threads, within: limit, late: Blocked(patience: limit) as any Error) { [host] in
            try host.perform(action)
        }
    }

    /// The time between two probes.
    private static let probeInterval: Duration = .milliseconds(500)

    /// Some drivers create their VFs after the write has returned. The conditions are read again whenever the host
    /// reports a change.
    ///
    /// A probe is repeated. While a driver of a module that is being loaded probes the function without success, the
    /// kernel takes the function for bound and ignores other probes. Source: `bus_rescan_devices_helper`,
    /// drivers/base/bus.c, which reads `dev->driver` without the device's lock.
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
                    description: "the write succeeded, but after \(patience) this does not hold: \(unmet)")
            }
            await host.waitForChange(upTo: min(left, Self.probeInterval))
            if case .probeDriver = step.action, nextProbe <= min(.now, deadline) {
                logger.debug("probing again", metadata: ["action": "\(step.action)"])
                try await perform(step.action)
                nextProbe = .now + Self.probeInterval
            }
        }
    }

    /// Why a write does not return, as far as that is known. From memory: the kernel may hold the function's lock.
    private func describe(_ blocked: Blocked, _ action: HostAction) -> String {
        let seen = try? host.lastSeen()
        let function = seen?[action.subject]
        let vfs = (function?.sriov?.virtualFunctions ?? []).compactMap { seen?[$0] }
        let groups = (try? host.openGroups()) ?? [:]
        for held in [function].compactMap(\.self) + vfs {
            guard let group = held.iommuGroup, let holder = groups[group] else { continue }
            return "\(blocked): \(holder) has \(held.address) open"
        }
        return "\(blocked): the kernel has not finished and gave no reason; check dmesg"
    }

    /// - Parameter action: the action that was in progress when the error occurred.
    private func undo(_ begun: [Change], after error: any Error, during action: HostAction) async -> Failure {
        var notUndone: [Aspect] = []
        for change in begun.reversed() {
            do {
                // Nothing to undo for a function that is gone. A function that cannot be read is not gone, so this
                // throws.
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
    /// How long the effect may take to show. Grows with the number of VFs.
    var patience: Duration {
        switch self {
        case .setVFCount(_, let count): .seconds(20 + 2 * count)
        default: .seconds(20)
        }
    }
}
