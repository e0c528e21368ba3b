// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

extension Reconciler {
    /// Settles whatever an earlier process left half done. Runs before the socket opens.
    func recover() async throws {
        let snapshot = try host.snapshot()
        try await adopt(groups: snapshot.groupsByFunction)
        try await ledger.adoptLives(bootID: bootID, sinceBoot: sinceBoot())
        for intent in try await ledger.openIntents() { try await settle(intent) }
        for claim in try await ledger.claims() {
            switch claim.state {
            // Nobody was told of a pending claim; a releasing one was on its way out.
            case .pending, .releasing:
                logger.notice("giving back an unfinished claim", metadata: ["claim": "\(claim.id)"])
                try await ledger.setState(.releasing, ofClaim: claim.id)
                try await giveBack(
                    claim,
                    audit: AuditEntry.Draft(
                        "recover", subject: claim.id, detail: claim.state.rawValue, result: "given back",
                        actor: .daemon))
            case .bound, .inUse, .released: break
            }
        }
        try await settleUses()
    }

    /// Takes over this boot's group numbers. Who shares a group with an older claim of another owner is set aside.
    func adopt(groups: [PCIAddress: Int]) async throws {
        for address in try await ledger.adopt(bootID: bootID, groups: groups) {
            logger.error("two owners in one IOMMU group since the reboot", metadata: ["function": "\(address)"])
            try await ledger.quarantine(address, reason: "shares its IOMMU group with another owner since a reboot")
        }
    }

    private func settle(_ intent: Intent) async throws {
        let decision = Recovery.decide(
            from: intent.from, to: intent.to, purpose: intent.purpose, sameBoot: intent.bootID == bootID,
            on: FreshLook(host: host))
        let context = Intent.Context(bootID: bootID, purpose: intent.purpose, claim: intent.claim)
        var result: String
        switch decision {
        case .close: result = "nothing to do"
        case .complete(let change), .undo(let change):
            do {
                try await executor.run([change], context: context)
                result = decision.isUndo ? "undone" : "completed"
            } catch {
                result = "quarantined: \(error)"
                try await ledger.quarantine(
                    intent.to.suspect(on: FreshLook(host: host)), reason: "recovery failed: \(error)")
            }
        case .quarantine(let address, let reason):
            result = "quarantined: \(reason)"
            try await ledger.quarantine(address, reason: reason)
        }
        try await ledger.close(intents: [intent.id])
        let (subject, detail) = (intent.to.subject.description, "\(intent.from) to \(intent.to)")
        logger.notice("recovered", metadata: ["function": "\(subject)", "change": "\(detail)", "result": "\(result)"])
        try await ledger.audit("recover", subject: subject, detail: detail, result: result, actor: .daemon)
    }
}

extension Recovery.Decision {
    fileprivate var isUndo: Bool { if case .undo = self { true } else { false } }
}

extension HostSnapshot {
    var groupsByFunction: [PCIAddress: Int] {
        Dictionary(
            uniqueKeysWithValues: functions.compactMap { function in
                function.iommuGroup.map { (function.address, $0) }
            })
    }
}
