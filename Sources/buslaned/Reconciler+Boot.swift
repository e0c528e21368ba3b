// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import HostModel
import Ledger

extension Reconciler {
    /// Brings back what had been applied, and what claims were given, where it is gone: a reboot takes VFs, bindings and
    /// settings away.
    ///
    /// Runs before the socket opens and before libvirtd starts its guests. Waits for cards whose drivers are late, by the
    /// host's events, and goes on without those that do not come: they are made as declared whenever they do.
    ///
    /// Takes nothing from anybody: what would need a person's consent, or is refused, is told and left. A host on which
    /// nothing was ever applied is left alone, but for its claims.
    func resume(patience: Duration = .zero) async {
        do {
            let originals = try await ledger.holdings().originals
            let declared = try await ledger.declared()
            if !originals.isEmpty || !declared.isEmpty {
                let desired = try configuration.declared()
                let missing = try await missing(of: desired, waitingFor: patience)
                try await bringBack(desired, missing)
            }
        } catch {
            await tellDegraded("host", (error as? Refusal)?.message ?? "\(error)")
        }
        await readyClaims()
    }

    /// What is declared and is not there when the time is up; a card without a driver cannot make VFs.
    private func missing(of desired: DesiredState, waitingFor patience: Duration) async throws -> [DeclarationProblem] {
        let deadline = ContinuousClock.now + patience
        while true {
            let missing = desired.missing(on: try host.snapshot())
            let left = ContinuousClock.now.duration(to: deadline)
            if missing.isEmpty || left <= .zero || Task.isCancelled { return missing }
            await host.waitForChange(upTo: min(left, .seconds(5)))
        }
    }

    private func bringBack(_ desired: DesiredState, _ missing: [DeclarationProblem]) async throws {
        guard !missing.isEmpty else {
            let done = try await apply(desired, confirmed: false, by: .daemon)
            if !done.isEmpty { logger.notice("declared state brought back", metadata: ["plan": "\(done.summary)"]) }
            return
        }
        standing.await(desired, missing.map(\.description))
        for problem in missing { await tellDegraded(problem.place ?? "host", problem.refusal.message) }
        await applyWhatIsThere(of: desired)
    }

    /// Cards that came late are made as they were declared when the daemon started.
    func applyAwaited() async throws {
        let awaited = standing.awaited
        guard !awaited.physicalFunctions.isEmpty else { return }
        let missing = awaited.missing(on: try host.lastSeen())
        guard missing.map(\.description) != standing.missing else { return }
        standing.await(missing.isEmpty ? DesiredState() : awaited, missing.map(\.description))
        await applyWhatIsThere(of: awaited)
        await readyClaims()
    }

    /// Each card by itself: one that is refused keeps no other from its VFs.
    private func applyWhatIsThere(of desired: DesiredState) async {
        guard let there = try? desired.ready(on: host.snapshot()) else { return }
        for (address, declaration) in there.sorted(by: { $0.key < $1.key }) {
            var one = DesiredState(physicalFunctions: [declaration])
            one.isPartial = true
            do {
                _ = try await apply(one, confirmed: false, by: .daemon)
            } catch {
                await tellDegraded(address.description, (error as? Refusal)?.message ?? "\(error)")
            }
        }
    }

    /// Whatever becomes of one claim, the others are made ready.
    private func readyClaims() async {
        do {
            let openGroups = try host.openGroups()
            for claim in try await ledger.claims() where claim.state == .bound {
                do {
                    guard try use(of: claim, among: openGroups) == nil else { continue }
                    try await ready(claim, purpose: .prepare)
                } catch {
                    await tellDegraded(claim.id, (error as? Refusal)?.message ?? "\(error)")
                }
            }
        } catch {
            await tellDegraded("host", "\(error)")
        }
    }

    private func tellDegraded(_ subject: String, _ reason: String) async {
        logger.error("not everything was brought back", metadata: ["subject": "\(subject)", "reason": "\(reason)"])
        try? await ledger.record(.degraded, subject: subject, detail: reason)
    }
}
