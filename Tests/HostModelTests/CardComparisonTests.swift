// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("Recorded cards and those that are there")
struct CardComparisonTests {
    private let one: PCIAddress = "0000:3b:00.0"
    private let other: PCIAddress = "0000:5e:00.0"

    private static let model = Identity(vendor: 0x8086, device: 0x10c9, classCode: 0x020000)

    private func card(
        _ slot: String? = "PC00/00.0/00.0", serial: UInt64? = nil, mac: MACAddress? = nil, device: UInt16 = 0x10c9
    ) -> CardIdentity {
        CardIdentity(
            slot: slot, serial: serial.map(SerialNumber.init),
            identity: Identity(vendor: 0x8086, device: device, classCode: 0x020000), macs: [mac].compactMap(\.self))
    }

    private func settlement(
        _ recorded: [PCIAddress: CardIdentity?], seen: [PCIAddress: CardIdentity], since last: LastLook = LastLook(),
        inDoubt: Bool = false
    ) -> CardSettlement {
        let cards = recorded.map { address, identity in
            var card = RecordedCard(address: address, identity: identity)
            card.isInDoubt = inDoubt
            card.functions = [.init(address: address, vf: nil, numaNode: nil, claim: "c1")]
            return card
        }
        let functions = seen.keys.map { Function(address: $0, identity: Self.model) }
        let host = HostSnapshot(
            host: HostIdentity(name: "h", bootID: "now"), iommu: IOMMU(enabled: true, kind: nil), functions: functions)
        return CardComparison(cards, seen: seen, since: last, on: host).settlement
    }

    @Test("a mark that differs is another card, though slot and model are the same")
    func replaced() {
        #expect(settlement([one: card(serial: 1)], seen: [one: card(serial: 2)]).doubts.keys.sorted() == [one])
        #expect(
            settlement([one: card(mac: "02:00:00:00:00:01")], seen: [one: card(mac: "02:00:00:00:00:02")]).doubts.count
                == 1)
        #expect(settlement([one: card()], seen: [one: card(device: 0x1572)]).doubts.count == 1)
    }

    @Test("a mark that cannot be read now contradicts nothing: the slot decides, and the mark stays recorded")
    func lateDriver() {
        let recorded = card(serial: 1, mac: "02:00:00:00:00:01")
        #expect(settlement([one: recorded], seen: [one: card(serial: 1)]).isEmpty)
        #expect(settlement([one: recorded], seen: [one: card()]).isEmpty)
    }

    @Test("the ports of a card have one serial number and are told apart by their function")
    func ports() {
        let ports = [card("PC00/00.0/00.0", serial: 1), card("PC00/00.0/00.1", serial: 1)]
        let now: [PCIAddress: CardIdentity] = ["0000:3c:00.0": ports[0], "0000:3c:00.1": ports[1]]
        let moves = settlement(["0000:3b:00.0": ports[0], "0000:3b:00.1": ports[1]], seen: now).corrections
        #expect(moves.map(\.address) == ["0000:3c:00.0", "0000:3c:00.1"])
    }

    @Test("a card with marks is found in another slot")
    func otherSlot() {
        let moved = settlement([one: card(serial: 1)], seen: [other: card("PC01/02.0/00.0", serial: 1)])
        #expect(moved.corrections.map(\.address) == [other])
        #expect(moved.corrections.first?.identity?.slot == "PC01/02.0/00.0")
    }

    @Test("a serial number that two cards have is no mark, nor is a placeholder")
    func sharedSerial() {
        let (first, second) = (card("a/00.0", serial: 7), card("b/00.0", serial: 7))
        #expect(settlement([one: first, other: second], seen: [one: first, other: second]).doubts.isEmpty)
        let moved = settlement([one: first, other: second], seen: [one: second, other: first])
        #expect(moved.corrections.map(\.address) == [other, one])
        #expect(card(serial: 0xffff_ff00).isKnownByPlaceOnly == false)
        #expect(card(serial: UInt64.max).isKnownByPlaceOnly && card(serial: 0xff_ff00_0000).isKnownByPlaceOnly)
    }

    @Test("a card that nothing is recorded of is withheld in a place that a recorded one has left")
    func stranger() {
        let settled = settlement(
            [one: card(serial: 1)], seen: [other: card("PC01/00.0", serial: 1), one: card(serial: 9)])
        #expect(settled.strangers == [one: other])
        #expect(settled.doubts.isEmpty)
    }

    @Test("a card that is away stays recorded, and nothing is withheld where nothing is")
    func away() {
        #expect(settlement([one: card(serial: 1)], seen: [:]).isEmpty)
        #expect(settlement([one: card(serial: 1)], seen: [other: card("PC01/00.0", serial: 2)]).isEmpty)
    }

    private func look(_ places: [PCIAddress: CardIdentity], boot: String = "before") -> LastLook {
        LastLook().followed(by: places, bootID: boot)
    }

    @Test(
        "identical cards without marks are certain in the boot of the last look, and in another one at unchanged places"
    )
    func unmoved() {
        let twins = [one: card(nil), other: card(nil)]
        let third: PCIAddress = "0000:86:00.0"
        #expect(settlement(twins, seen: twins).doubts.count == 2)
        #expect(settlement(twins, seen: twins, since: look(twins, boot: "now")).isEmpty)
        #expect(settlement(twins, seen: twins, since: look(twins)).isEmpty)
        // One more, or one elsewhere: every address may have another card now.
        let more = [one: card(nil), other: card(nil), third: card(nil)]
        #expect(settlement(twins, seen: more, since: look(twins)).doubts.count == 2)
        #expect(settlement(twins, seen: more, since: look(twins, boot: "now")).isEmpty)
        #expect(
            settlement([one: card(nil)], seen: [one: card(nil), third: card(nil)], since: look(twins)).doubts.count == 1
        )
        // An old doubt does not end because nothing changed since.
        #expect(settlement(twins, seen: twins, since: look(twins), inDoubt: true).doubts.count == 2)
        #expect(settlement(twins, seen: twins, since: look(twins, boot: "now"), inDoubt: true).doubts.count == 2)
    }

    @Test("marks that cannot be read are missed in another boot, and not in the same one")
    func unreadable() {
        let marked = [one: card(nil, mac: "02:00:00:00:00:01"), other: card(nil, mac: "02:00:00:00:00:02")]
        let seen = [one: card(nil), other: card(nil)]
        #expect(settlement(marked, seen: seen, since: look(marked)).doubts.count == 2)
        #expect(settlement(marked, seen: seen, since: look(marked, boot: "now")).isEmpty)
    }

    @Test("a serial number that two cards had at one time is no mark, also while one of them is away")
    func everSharedSerial() {
        let (first, second) = (card("a/00.0", serial: 7), card("b/00.0", serial: 7))
        let both = look([one: first, other: second])
        // The row has the number, as a claim read it from its card only. Later looks see the other card alone.
        for last in [both, both.followed(by: [other: second], bootID: "next")] {
            let pulled = settlement([one: first], seen: [other: second], since: last)
            #expect(pulled.corrections.map(\.address) == [one] && pulled.doubts.isEmpty)
            let identity = pulled.corrections.first?.identity
            #expect(identity?.serial == nil && identity?.sharedSerial == SerialNumber(rawValue: 7))
            // Nothing else has to remember it then.
            #expect(settlement([one: identity], seen: [other: second]).isEmpty)
        }
        // Two rows of different cards say the same.
        let third = settlement([one: first, other: second], seen: ["0000:86:00.0": card("c/00.0", serial: 7)])
        #expect(Set(third.corrections.map(\.address)) == [one, other] && third.doubts.isEmpty)
        // A card that moved had it at two places, one after the other.
        let moved = settlement([one: first], seen: [other: second], since: look([one: first]))
        #expect(moved.corrections.map(\.address) == [other])
    }

    @Test("an unknown subsystem contradicts nothing, and a known one is kept")
    func unknownSubsystem() {
        var partial = card(serial: 1)
        partial.model = "8086:10c9 ????:????"
        let known = card(serial: 1)
        #expect(settlement([one: known], seen: [one: partial]).isEmpty)
        #expect(settlement([one: partial], seen: [one: known]).corrections.map(\.identity) == [known])
        partial.model = "8086:1572 ????:????"
        #expect(settlement([one: known], seen: [one: partial]).doubts.count == 1)
    }

    @Test("an address means its former card until somebody says otherwise")
    func formers() {
        let (first, second) = (card("a/00.0", serial: 1), card("b/00.0", serial: 2))
        let before = look([one: first, other: second])
        let swapped = before.followed(by: [one: second, other: first], bootID: "now")
        #expect(swapped.formers == [one: first, other: second])
        #expect(swapped.address(of: first) == other)
        #expect(swapped.followed(by: [one: first, other: second], bootID: "next").formers.isEmpty)
        // A card that is away still has its address until another one takes it.
        let away = before.followed(by: [other: second], bootID: "now")
        #expect(away.formers.isEmpty)
        #expect(away.followed(by: [one: card("a/00.0", serial: 3)], bootID: "next").formers == [one: first])
    }

    @Test(
        "cards that left one address, one after the other, are kept apart; without claims nothing is in doubt for them")
    func parked() {
        func state(_ address: PCIAddress, _ serial: UInt64) -> RecordedCard {
            var recorded = RecordedCard(address: address, identity: card(serial: serial))
            recorded.hasState = true
            return recorded
        }
        let host = HostSnapshot(
            host: HostIdentity(name: "h"), iommu: IOMMU(enabled: true, kind: nil),
            functions: [Function(address: one, identity: Self.model)])
        let settled = CardComparison([state(one, 1)], seen: [one: card(serial: 2)], on: host).settlement
        #expect(settled.corrections.map(\.address) == ["ffffffff:3b:00.0"] && settled.doubts.isEmpty)
        #expect(settled.corrections.map(\.address.shown) == ["away"] && one.shown == "0000:3b:00.0")
        let again = CardComparison(
            [state("ffffffff:3b:00.0", 1), state(one, 2)], seen: [one: card(serial: 3)], on: host
        ).settlement
        #expect(again.corrections.map(\.address) == ["fffffffe:3b:00.0"] && again.doubts.isEmpty)
        let back = CardComparison(
            [state("ffffffff:3b:00.0", 1), state("fffffffe:3b:00.0", 2)], seen: [one: card(serial: 1)], on: host
        ).settlement
        #expect(back.corrections.map(\.address) == [one] && back.doubts.isEmpty)
    }

    @Test("two cards whose claimed VFs would meet at one address are in doubt, and stay where they were recorded")
    func meeting() {
        func recorded(_ address: PCIAddress, _ serial: UInt64, vf: PCIAddress) -> RecordedCard {
            var row = RecordedCard(address: address, identity: card(serial: serial))
            row.functions = [.init(address: vf, vf: 0, numaNode: nil, claim: "c\(serial)")]
            return row
        }
        let cards = [recorded(one, 1, vf: "0000:3b:10.0"), recorded(other, 2, vf: "0000:5e:0f.0")]
        func settlement(_ seen: [PCIAddress: CardIdentity]) -> CardSettlement {
            let functions = seen.keys.map {
                Function(address: $0, identity: Self.model, role: .physicalFunction(SRIOV(totalVFs: 7, vfCount: 0)))
            }
            let host = HostSnapshot(
                host: HostIdentity(name: "h"), iommu: IOMMU(enabled: true, kind: nil), functions: functions)
            return CardComparison(cards, seen: seen, on: host).settlement
        }
        let met = settlement(["0000:86:00.0": card(serial: 1), "0000:86:01.0": card(serial: 2)])
        #expect(met.corrections.isEmpty)
        #expect(met.doubts.keys.sorted() == ["0000:3b:10.0", "0000:5e:0f.0"])
        let apart = settlement(["0000:86:00.0": card(serial: 1), "0000:87:00.0": card(serial: 2)])
        #expect(apart.corrections.count == 2 && apart.doubts.isEmpty)
    }

    @Test("without an identity a row keeps its address if no other card of the model is there")
    func oldRows() {
        #expect(settlement([one: nil], seen: [one: card(serial: 1)]).corrections.map(\.identity) == [card(serial: 1)])
    }
}
