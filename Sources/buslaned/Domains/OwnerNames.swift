// SPDX-License-Identifier: GPL-3.0-or-later
import HostIO
import HostModel
import Ledger
import Libvirt

/// Finds the owner that a client names: `domain:NAME`, `domain:UUID`, `pid:PID`, `unit:NAME` or a plain name.
struct OwnerNames: Sendable {
    let ledger: Ledger
    let libvirt: LibvirtConnection
    let processes: Processes

    /// - Returns: the owner, and what a person calls it.
    /// - Throws: `MalformedValue`, ``Refusal/unknownProcess(_:)``, and `LibvirtError` for a domain.
    func owner(named text: String) async throws -> (owner: Owner, name: String) {
        if text.hasPrefix("pid:"), let pid = Int(text.dropFirst("pid:".count)) { return try await process(pid, text) }
        guard text.hasPrefix("domain:") else { return (try Owner(text), text) }
        if let owner = try? Owner(text), case .domain(let uuid) = owner {
            return (owner, try await libvirt.domain(uuid: uuid).name)
        }
        let domain = try await libvirt.domain(named: String(text.dropFirst("domain:".count)))
        return (.domain(uuid: domain.uuid), domain.name)
    }

    /// A process that runs, or one that is gone and still has a claim.
    private func process(_ pid: Int, _ text: String) async throws -> (owner: Owner, name: String) {
        if let start = processes.startTime(of: pid) { return (.process(pid: pid, startTime: start), text) }
        for claim in try await ledger.claims() {
            if case .process(pid, _) = claim.owner { return (claim.owner, claim.ownerName) }
        }
        throw Refusal.request(.unknownProcess(pid))
    }
}
