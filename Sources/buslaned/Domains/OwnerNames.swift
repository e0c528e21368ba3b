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
    let permissions: Permissions

    /// Nothing is looked up for a client that may not act for the owner.
    ///
    /// - Returns: the owner, and what a person calls it.
    /// - Throws: `MalformedValue`, a ``Refusal`` for an owner that the client may not act for,
    ///   ``Refusal/unknownProcess(_:)``, and `LibvirtError` for a domain.
    func owner(
        named text: String, for peer: PeerCredentials, to verb: String
    ) async throws -> (owner: Owner, name: String) {
        let named = try OwnerName(text)
        try await permissions.mustActFor(named, runBy: named.pid.flatMap(processes.user), peer, to: verb)
        switch named {
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

extension OwnerName {
    /// The process that it names; nil for another owner.
    fileprivate var pid: Int? {
        switch self {
        case .process(let pid), .owner(.process(let pid, _)): pid
        case .domain, .owner: nil
        }
    }
}
