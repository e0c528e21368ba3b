// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger

/// Refuses the start of a guest whose XML names a function that somebody else has: in a plain `<hostdev>`, in an NVMe disk
/// or in an option of QEMU's own.
struct StartExclusivity: Sendable {
    let host: any Host
    let ledger: Ledger
    let guests: SeenDomains

    /// Keeps the functions that the XML names beside Buslane's devices for the guest that starts, and refuses those that are
    /// another owner's or in quarantine.
    ///
    /// First the note, then the look: a claim that is made meanwhile is either seen here or respects the note.
    ///
    /// - Returns: the domain's own claims that these functions belong to.
    func begin(_ domain: Domain, held: [Claim]) async throws -> [Claim] {
        let addresses = domain.foreign.map(\.address)
        if addresses.isEmpty { return [] }
        if let uuid = domain.uuid { guests.beginStart(of: domain.name, uuid: uuid, addresses) }
        if let refusal = try await obstacles(to: domain).first { throw refusal }
        return held.filter { claim in claim.assignments.contains { addresses.contains($0.address) } }
    }

    /// The guest has stopped, or does not start.
    func end(_ domain: Domain) {
        if let uuid = domain.uuid { guests.endStart(of: uuid) }
    }

    /// Why the guest must not have functions that its XML names beside Buslane's devices; empty if it may have all.
    func obstacles(to domain: Domain) async throws -> [Refusal] {
        let owner = domain.uuid.map { Owner.domain(uuid: $0) }
        let (holdings, seen) = (try await ledger.holdingsInOrder(), try host.lastSeen())
        var found: [Refusal] = []
        for device in domain.foreign {
            if let obstacle = holdings.startObstacle(to: device.address, for: owner, on: seen) {
                found.append(obstacle)
            } else if let claim = holdings.claims[device.address],
                try await ledger.claim(claim.id)?.state.isHeld == false
            {
                // The domain's own, and its functions are just being made ready or restored.
                found.append(.claim(claim.id, .changing))
            }
        }
        return found
    }
}
