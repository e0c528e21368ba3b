// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import Logging

/// Finishes or undoes the incomplete work of an earlier process. Runs before the socket opens.
struct CrashRecovery: Sendable {
    let host: any Host
    let ledger: Ledger
    let boot: Boot
    let executor: Executor
    let comparer: CardComparer
    let groups: GroupAdoption
    let use: ClaimUse
    let release: ClaimRelease
    let logger: Logger

    func recover() async throws {
        try await comparer.settle()
        let snapshot = try host.snapshot()
        try await groups.adopt(snapshot.groupsByFunction)
        try await ledger.lives.adopt(bootID: boot.id, sinceBoot: boot.now)
        for intent in try await ledger.openIntents() { try await recover(intent) }
        for claim in try await ledger.claims() {
            switch claim.state {
            // The client of a pending claim had no reply; a releasing claim was about to end.
            case .pending, .releasing:
                logger.notice("releasing an unfinished claim", metadata: ["claim": "\(claim.id)"])
                try await ledger.transitions.setState(.releasing, ofClaim: claim.id)
                try await release.finish(
                    claim,
                    audit: AuditEntry.Draft(
                        "recover", subject: claim.id, detail: claim.state.rawValue, result: "released",
                        actor: .daemon))
            case .bound, .inUse, .released: break
            }
        }
        try await use.endAbandoned()
    }

    private func recover(_ intent: Intent) async throws {
        let decision = Recovery.decide(
            from: intent.from, to: intent.to, purpose: intent.purpose, sameBoot: intent.bootID == boot.id,
            on: FreshLook(host: host))
        let context = Intent.Context(bootID: boot.id, purpose: intent.purpose, claim: intent.claim)
        let result: String
        switch decision {
        case .close: result = "nothing to do"
        case .complete(let change): result = try await run(change, context, done: "completed", of: intent)
        case .undo(let change): result = try await run(change, context, done: "undone", of: intent)
        case .quarantine(let address, let reason):
            result = "quarantined: \(reason)"
            try await ledger.quarantine(address, reason: reason)
        }
        try await ledger.close(intents: [intent.id])
        let (subject, detail) = (intent.to.subject.description, "\(intent.from) to \(intent.to)")
        logger.notice("recovered", metadata: ["function": "\(subject)", "change": "\(detail)", "result": "\(result)"])
        try await ledger.audit("recover", subject: subject, detail: detail, result: result, actor: .daemon)
    }

    /// - Returns: the result for the audit trail.
    private func run(
        _ change: Change, _ context: Intent.Context, done: String, of intent: Intent
    ) async throws -> String {
        do {
            try await executor.run([change], context: context)
            return done
        } catch {
            try await ledger.quarantine(
                intent.to.suspect(on: FreshLook(host: host)), reason: "recovery failed: \(error)")
            return "quarantined: \(error)"
        }
    }
}

/// Records the IOMMU group numbers of this boot. Numbers of an earlier boot mean nothing.
struct GroupAdoption: Sendable {
    let ledger: Ledger
    let boot: Boot
    let logger: Logger

    /// Leaves out functions of which it is not certain that they are the claimed ones.
    ///
    /// - Parameter groups: by function. A function that shares its group with an older claim of another owner goes into
    ///   quarantine.
    func adopt(_ groups: [PCIAddress: Int]) async throws {
        let quarantine = try await ledger.quarantine()
        let certain = groups.filter { !CardDoubt.isReason(quarantine[$0.key]) }
        for address in try await ledger.adopt(bootID: boot.id, groups: certain) {
            logger.error("two owners in one IOMMU group since the reboot", metadata: ["function": "\(address)"])
            try await ledger.quarantine(address, reason: "shares its IOMMU group with another owner since a reboot")
        }
    }
}

extension HostSnapshot {
    var groupsByFunction: [PCIAddress: Int] {
        Dictionary(
            uniqueKeysWithValues: functions.compactMap { function in
                function.iommuGroup.map { (function.address, $0) }
            })
    }
}
