// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger
import Logging
import Wire

/// Handles the calls of libvirt's hook, by operation.
struct HookCalls: Sendable {
    let boot: Boot
    let prepare: PrepareHook
    let stop: StopHook
    let logger: Logger

    /// - Parameter isLate: whether the report comes from the spool. It does not affect anything that began later.
    func handle(
        _ call: HookRequest, about domain: Domain, isLate: Bool = false, by actor: AuditEntry.Actor
    ) async throws {
        let isOfThisBoot = boot.isCurrent(call.bootID)
        switch call.operation {
        // The hook found no daemon and let the domain start.
        case .prepare where isLate: try await prepare.passedUnasked(domain, isOfThisBoot: isOfThisBoot)
        case .prepare: try await prepare.prepare(domain, by: actor)
        case .release where isOfThisBoot:
            try await stop.stopped(domain, reason: call.reason, at: call.sinceBoot, isLate: isLate, by: actor)
        case .stopped where isOfThisBoot:
            logger.debug("guest stopped", metadata: ["domain": "\(domain.name)"])
        case .reconnect where isOfThisBoot && !isLate: try await stop.reconnected(domain, by: actor)
        case .release, .stopped, .reconnect, .other: break
        }
    }
}
