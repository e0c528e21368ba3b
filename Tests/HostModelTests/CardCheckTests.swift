// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Testing

@Suite("A diagnosis: what identifies a card")
struct CardCheckTests {
    private let one: PCIAddress = "0000:3b:00.0"
    private let other: PCIAddress = "0000:5e:00.0"
    private static let model = Identity(vendor: 0x8086, device: 0x10c9, classCode: 0x020000)

    private func card(_ slot: String? = nil, serial: UInt64? = nil, mac: MACAddress? = nil) -> CardIdentity {
        CardIdentity(
            slot: slot, serial: serial.map(SerialNumber.init), identity: Self.model, macs: [mac].compactMap(\.self))
    }

    private func findings(needed: [PCIAddress], _ cards: [PCIAddress: CardIdentity]) -> [Finding] {
        let functions = cards.keys.map { Function(address: $0, identity: Self.model) }
        let host = HostSnapshot(
            host: HostIdentity(name: "h"), iommu: IOMMU(enabled: true, kind: nil), functions: functions)
        return CardCheck(needed: Set(needed), cards: cards, on: host).findings
    }

    @Test("a card that only its address identifies is a warning; the remedy names the MAC address of a driver")
    func address() throws {
        let finding = try #require(findings(needed: [one], [one: card()]).first)
        #expect(finding.code == "card-known-by-address" && finding.severity == .warning)
        #expect(finding.subject == "0000:3b:00.0")
        #expect(finding.remedy?.contains("bind the card to its host driver once") == true)
        #expect(finding.remedy?.contains("buslane claims rebind") == true)
        let both = findings(needed: [one, other], [one: card(), other: card()])
        #expect(both.map(\.subject) == ["host"])
        #expect(both.first?.what.contains("0000:3b:00.0, 0000:5e:00.0") == true)
    }

    @Test(
        "nothing is said of a card with a mark, of one that nothing needs, and of the only one of its model in a slot")
    func quiet() {
        #expect(findings(needed: [one], [one: card(serial: 1)]).isEmpty)
        #expect(findings(needed: [one], [one: card(mac: "02:00:00:00:00:01")]).isEmpty)
        #expect(findings(needed: [], [one: card()]).isEmpty)
        #expect(findings(needed: [one], [one: card("a/00.0")]).isEmpty)
    }

    @Test("two cards alike in known slots are advice")
    func slots() {
        let found = findings(needed: [one], [one: card("a/00.0"), other: card("b/00.0")])
        #expect(found.map(\.code) == ["card-known-by-slot"])
        #expect(found.first?.severity == .advice)
    }

    @Test("a serial number that two cards have is no mark")
    func sharedSerial() {
        let found = findings(needed: [one], [one: card(serial: 7), other: card(serial: 7)])
        #expect(found.map(\.code) == ["card-known-by-address"])
    }
}
