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
        switch try OwnerName(text) {
        case .process(let pid): return try await process(pid, text)
        case .domain(let name):
            let domain = try await libvirt.domain(named: name)
            return (.domain(uuid: domain.uuid), domain.name)
        case .owner(.domain(let uuid)): return (.domain(uuid: uuid), try await libvirt.domain(uuid: uuid).name)
        case .owner(let owner): return (owner, text)
        }
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
