// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Logging

/// Applies the configuration and makes claims ready again after a reboot, which removes VFs, bindings and settings.
///
/// Removes nothing that is in use: a change that needs a confirmation, or is refused, is only reported. On a host on
/// which nothing was ever applied, only the claims are made ready.
struct BootRestore: Sendable {
    let host: any Host
    let ledger: Ledger
    let configuration: ConfigurationInForce
    let comparer: CardComparer
    let state: CardState
    let apply: ApplyRunner
    let use: ClaimUse
    let readiness: ClaimReadiness
    let logger: Logger

    /// Runs before the socket opens, and so before libvirtd starts its guests.
    ///
    /// - Parameter patience: how long to wait for PFs whose driver is late. A PF that comes later is configured
    ///   then (``applyAwaited()``).
    func restore(patience: Duration = .zero) async {
        do {
            let originals = try await ledger.holdings().originals
            let declared = try await ledger.declared()
            if !originals.isEmpty || !declared.isEmpty {
                let asked = try configuration.declared()
                try await waitForDrivers(of: try await meant(by: asked), patience)
                // Now the drivers are there, and with them the MAC addresses.
                try await comparer.settle()
                try await restore(try await meant(by: asked, reporting: true))
            }
        } catch {
            await report("host", "\(error)")
        }
        await readyClaims()
    }

    /// What was declared for a card is not applied to another one that has its address now. The card that was meant keeps
    /// what was applied to it.
    private func meant(by desired: DesiredState, reporting isReported: Bool = false) async throws -> DesiredState {
        let now = try host.snapshot()
        let outdated = desired.outdatedAddresses(since: try await ledger.cards.lastLook(), on: now)
        if isReported { for address in outdated { await report(address.address.description, "\(address)") } }
        return desired.withholding(outdated, applied: try await ledger.declared(), on: now)
    }

    /// Configures late PFs as declared at the daemon's start.
    func applyAwaited() async throws {
        let awaited = state.awaited
        guard !awaited.physicalFunctions.isEmpty else { return }
        let missing = awaited.missing(on: try host.lastSeen())
        guard missing.map(\.description) != state.missing else { return }
        state.await(missing.isEmpty ? DesiredState() : awaited, missing.map(\.description))
        try await comparer.settle()
        await applyPresent(of: try await meant(by: awaited))
        await readyClaims()
    }

    /// Returns when no declared PF is missing, or the time is over. A PF without a driver cannot make VFs.
    private func waitForDrivers(of desired: DesiredState, _ patience: Duration) async throws {
        let deadline = ContinuousClock.now + patience
        while true {
            let left = ContinuousClock.now.duration(to: deadline)
            if try desired.missing(on: host.snapshot()).isEmpty || left <= .zero || Task.isCancelled { return }
            await host.waitForChange(upTo: min(left, .seconds(5)))
        }
    }

    private func restore(_ desired: DesiredState) async throws {
        let missing = desired.missing(on: try host.snapshot())
        guard !missing.isEmpty else { return try await applyWhole(desired) }
        state.await(desired, missing.map(\.description))
        for problem in missing { await report(problem.place ?? "host", problem.refusal.message) }
        await applyPresent(of: desired)
    }

    /// All PFs with one plan. If it is refused, each PF separately.
    private func applyWhole(_ desired: DesiredState) async throws {
        do {
            let done = try await apply.apply(desired, confirmed: false, by: .daemon)
            if !done.isEmpty { logger.notice("declared state restored", metadata: ["plan": "\(done.summary)"]) }
        } catch let error where error is Refusal || error is ConfirmationNeeded {
            // If no declared PF is refused, it is about one that is declared no longer.
            if await applyPresent(of: desired) { throw error }
        }
    }

    /// Each PF separately, so that a refusal of one does not affect the others.
    ///
    /// - Returns: whether none was refused.
    @discardableResult
    private func applyPresent(of desired: DesiredState) async -> Bool {
        guard let there = try? desired.ready(on: host.snapshot()) else { return true }
        var isEachApplied = true
        for (address, declaration) in there.sorted(by: { $0.key < $1.key }) {
            var one = DesiredState(physicalFunctions: [declaration])
            one.isPartial = true
            do {
                _ = try await apply.apply(one, confirmed: false, by: .daemon)
            } catch {
                isEachApplied = false
                await report(address.description, "\(error)")
            }
            state.configured(address)
        }
        return isEachApplied
    }

    /// Each claim separately.
    private func readyClaims() async {
        do {
            // Now the VFs are there, perhaps at other addresses than in the boot before.
            try await comparer.settle()
            let openGroups = try host.openGroups()
            for claim in try await ledger.claims() where claim.state == .bound {
                do {
                    guard try use.holder(of: claim, among: openGroups) == nil else { continue }
                    try await use.refuseQuarantined(claim.assignments.map(\.address), of: [claim])
                    try await readiness.ready(claim, purpose: .prepare)
                } catch {
                    await report(claim.id, "\(error)")
                }
            }
        } catch {
            await report("host", "\(error)")
        }
    }

    private func report(_ subject: String, _ reason: String) async {
        logger.error("not everything was restored", metadata: ["subject": "\(subject)", "reason": "\(reason)"])
        try? await ledger.record(.degraded, subject: subject, detail: reason)
    }
}
