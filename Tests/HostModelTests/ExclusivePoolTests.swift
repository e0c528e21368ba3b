// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("Exclusive pools")
struct ExclusivePoolTests {
    private let host = HostSimulator {
        $0.pf(pf, totalVFs: 7, serial: written("a0-36-9f-ff-ff-12-34-56"))
        $0.function("0000:05:00.0", driver: "nvme", classCode: 0x010802)
    }

    private func desired(_ first: Pool, _ second: Pool) -> DesiredState {
        DesiredState(
            physicalFunctions: [PFDeclaration(selector: Selector(addresses: [pf]), vfCount: 4)],
            pools: [first, second])
    }

    private func lanes(_ range: String, _ name: String, exclusive: Bool = false) -> Pool {
        Pool(
            name: name, selector: Selector(physicalFunctions: [PFSlice(pf, vfs: written(range))]),
            isExclusive: exclusive, place: "a.yaml:\(name)")
    }

    @Test("a VF that is still to be created cannot be in another pool either", arguments: [true, false])
    func overlapping(firstIsExclusive: Bool) {
        let desired = desired(
            lanes("0-2", "a", exclusive: firstIsExclusive), lanes("2-3", "b", exclusive: !firstIsExclusive))
        let refusal = Refusal.declaration(
            .poolsOverlap(
                exclusive: firstIsExclusive ? "a" : "b", other: firstIsExclusive ? "b" : "a", function: "0000:3b:10.2"))
        #expect(throws: refusal) { try Planner.plan(for: desired, on: host.now, holdings: Holdings()) }
        #expect(desired.problems(on: host.now) == [DeclarationProblem(place: "a.yaml:b", refusal: refusal)])
        #expect(refusal.remedy?.contains("do not overlap") == true)
        #expect(refusal.concerns(pool: "a") && refusal.concerns(pool: "b") && !refusal.concerns(pool: "c"))
    }

    @Test("pools without a common function, and pools that are not exclusive, are accepted")
    func apart() {
        #expect(desired(lanes("0-1", "a", exclusive: true), lanes("2-3", "b")).problems(on: host.now).isEmpty)
        #expect(desired(lanes("0-2", "a"), lanes("2-3", "b")).problems(on: host.now).isEmpty)
        // Four of seven possible VFs are declared.
        #expect(desired(lanes("0-3", "a", exclusive: true), lanes("4-6", "b")).problems(on: host.now).isEmpty)
    }

    @Test("a serial number selects a PF and its VFs")
    func serial() throws {
        let serial = Selector(serials: [written("A0-36-9F-FF-FF-12-34-56")])
        #expect(serial.matches(in: host.now).map(\.address) == [pf])
        let desired = DesiredState(physicalFunctions: [PFDeclaration(selector: serial, vfCount: 2)])
        try carryOut(try Planner.plan(for: desired, on: host.now, holdings: Holdings()), on: host)
        #expect(serial.matches(in: host.now).map(\.address) == [pf, "0000:3b:10.0", "0000:3b:10.1"])
        let other = Selector(serials: [written("00-00-00-00-00-00-00-01")])
        #expect(other.meetings(on: host.now).first?.description == "serials 00-00-00-00-00-00-00-01 meets none")
    }
}
