// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

/// What the ledger and the configuration add to a diagnosis of the host's cards.
struct CardFindings: Sendable {
    let host: any Host
    let ledger: Ledger
    let boot: Boot
    let configuration: ConfigurationInForce

    func findings() async throws -> [Finding] {
        let snapshot = try host.snapshot()
        let seen = try host.cardIdentities(on: snapshot)
        // With the MAC addresses that earlier drivers showed.
        let look = try await ledger.cards.lastLook().followed(by: seen, bootID: boot.id)
        let cards = look.places.filter(\.value.isPresent).mapValues(\.card)
        let outdated = (try? configuration.inForce())?.outdatedAddresses(since: look, on: snapshot) ?? []
        let quarantine = QuarantineCheck(try await ledger.holdings())
        return quarantine.findings + outdated.map(Finding.init)
            + CardCheck(needed: try await needed(on: snapshot), cards: cards, on: snapshot).findings
    }

    /// The cards with claims, declarations or pools.
    private func needed(on snapshot: HostSnapshot) async throws -> Set<PCIAddress> {
        let desired = try? configuration.inForce()
        let members = (desired?.pools ?? []).flatMap { $0.selector.matches(in: snapshot) }
        var needed = Set(members.map { $0.virtualFunction?.physicalFunction ?? $0.address })
        needed.formUnion(desired?.met(on: snapshot).keys.map(\.self) ?? [])
        needed.formUnion(try await ledger.cards.recorded(bootID: boot.id).map(\.address))
        return needed
    }
}
