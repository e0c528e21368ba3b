// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import HostModel
import Ledger
import Logging
import SystemServices

/// Owns the write side: whatever changes a claim or the host goes through here.
///
/// Never calls libvirt: the hook path runs through it, and libvirt waits for the hook.
struct Reconciler: Sendable {
    let host: any Host
    let ledger: Ledger
    let configuration: ConfigurationInForce
    var executor: Executor
    let lanes = Lanes()
    let standing = CardState()
    /// Those who wait for functions.
    let line = AllocationQueue()
    /// What libvirt told last: what domains have that Buslane did not give them, and which of them run.
    let seenDomains = SeenDomains()
    let logger: Logger
    /// Seconds since the boot.
    var sinceBoot: @Sendable () -> Int = BootClock.now
    /// Which host, which boot.
    let identity: HostIdentity

    /// This boot's id; a host without one is its own boot.
    var bootID: String { identity.bootID ?? "unknown" }

    init(
        host: any Host, ledger: Ledger, configuration: ConfigurationFolder, logger: Logger,
        patience: @escaping @Sendable (HostAction) -> Duration = \.patience
    ) throws {
        self.host = host
        self.ledger = ledger
        self.configuration = ConfigurationInForce(configuration)
        self.logger = logger
        executor = Executor(host: host, ledger: ledger, logger: logger, patience: patience)
        identity = try host.snapshot().host
    }

    /// What nothing may be taken from: the ledger's claims, and the groups that processes have open.
    func holdings() async throws -> Holdings {
        var holdings = try await ledger.holdings()
        holdings.openGroups = try host.openGroups()
        holdings.disks = host.disksInUse()
        holdings.foreign = seenDomains.users
        return holdings
    }

    /// What is not as it should be: what is declared and missing, and a configuration that does not count.
    var problems: [String] {
        let configuration = configuration.problem.map {
            "\($0.description); what was declared before stays in force"
        }
        return standing.problems + [configuration].compactMap(\.self)
    }

    /// The PF whose lane an assignment's work belongs on: its own address when it is no VF.
    func card(of assignment: Assignment) -> PCIAddress {
        assignment.virtualFunction?.physicalFunction ?? assignment.address
    }

    /// - Throws: the ``Refusal`` of whoever may not, which is written into the audit trail.
    func permitted(
        _ verb: String, _ subject: String, to peer: PeerCredentials, _ check: (Caller) throws(Refusal) -> Void
    ) async throws {
        do {
            try check(peer.caller)
        } catch {
            logger.warning(
                "not permitted", metadata: ["uid": "\(peer.uid)", "verb": "\(verb)", "subject": "\(subject)"])
            try await ledger.audit(verb, subject: subject, detail: "", result: error.message, actor: peer.actor)
            throw error
        }
    }

    /// Runs, and writes into the audit trail how it ended.
    ///
    /// In a task of its own: a caller that goes away does not leave the work half done.
    func audited<Result: Sendable>(
        _ verb: String, subject: String, detail: String, by actor: AuditEntry.Actor,
        _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let entry = AuditEntry.Draft(verb, subject: subject, detail: detail, actor: actor)
        return try await recorded(entry) {
            let result = try await work()
            try await ledger.audit(entry)
            return result
        }
    }

    /// The same for work that writes down its success itself, in one commit with what it did.
    func recorded<Result: Sendable>(
        _ entry: AuditEntry.Draft, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        // Begun on the spot: to hand it to another thread takes longer than most of what is done before the first wait.
        try await Task.immediate {
            do {
                return try await work()
            } catch {
                try await noteRefusal(entry, error)
                throw error
            }
        }.value
    }

    /// Writes down that something was not done, and why; but not what ``Retry`` knows.
    func noteRefusal(_ entry: AuditEntry.Draft, _ error: any Error) async throws {
        let text = (error as? Refusal)?.message ?? "\(error)"
        if text == Retry.known { return }
        try await ledger.record(
            error is Refusal ? .refused : .failed, subject: entry.subject, detail: "\(entry.verb): \(text)",
            audit: entry.ending(text))
    }
}

/// A try that is made again by itself, now and then.
enum Retry {
    /// Why the one before came to nothing, in the audit trail's words. Meeting that again is no news.
    @TaskLocal static var known: String?
}
