// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("Whether a guest may start with a function that its XML names")
struct StartExclusivityTests {
    private let owner = Owner.domain(uuid: "4dea22b3-1d52-d8f3-2516-782e98ab3fa0")
    private let pf: PCIAddress = "0000:3b:00.0"
    private let host: HostSnapshot

    init() throws {
        let machine = HostSimulator {
            $0.numaNodes(1)
            $0.pf("0000:3b:00.0", totalVFs: 7, numa: 0)
        }
        try machine.meanwhile(.setVFCount(physicalFunction: "0000:3b:00.0", count: 2))
        host = machine.now
    }

    private var vf: [PCIAddress] { host[pf]?.sriov?.virtualFunctions ?? [] }

    private func held(_ address: PCIAddress, by owner: Owner = .name("router")) -> Holdings {
        Holdings(claims: [address: .init(id: "c1", owner: owner, ownerName: "router")])
    }

    @Test("not with another owner's; with its own and a free one")
    func claims() {
        let refusal = Refusal.function(vf[0], .heldByClaim(claim: "c1", owner: "router"))
        #expect(held(vf[0]).startObstacle(to: vf[0], for: owner, on: host) == refusal)
        #expect(held(vf[0]).startObstacle(to: vf[0], for: nil, on: host) == refusal)
        #expect(held(vf[0], by: owner).startObstacle(to: vf[0], for: owner, on: host) == nil)
        #expect(held(vf[0]).startObstacle(to: vf[1], for: owner, on: host) == nil)
        #expect(held("0000:99:00.0").startObstacle(to: "0000:99:00.0", for: owner, on: host) != nil)
    }

    @Test("not with a PF whose VF is another owner's, and not with a VF of such a PF")
    func physical() {
        #expect(held(vf[1]).startObstacle(to: pf, for: owner, on: host)?.report.subject == "\(vf[1])")
        #expect(held(pf).startObstacle(to: vf[1], for: owner, on: host)?.report.subject == "\(pf)")
        #expect(held(pf, by: owner).startObstacle(to: vf[1], for: owner, on: host) == nil)
    }

    @Test("not with a function whose group is another owner's")
    func group() throws {
        let machine = HostSimulator {
            $0.numaNodes(1)
            $0.pf("0000:3b:00.0", totalVFs: 7, numa: 0, vfGroups: .shared)
        }
        try machine.meanwhile(.setVFCount(physicalFunction: pf, count: 2))
        let shared = machine.now
        #expect(held(vf[0]).startObstacle(to: vf[1], for: owner, on: shared)?.report.subject == "\(vf[0])")
        #expect(held(vf[0], by: owner).startObstacle(to: vf[1], for: owner, on: shared) == nil)
    }

    @Test("not with one in quarantine, and a claim of its own does not change that")
    func quarantine() {
        var holdings = held(vf[0], by: owner)
        holdings.quarantine[vf[0]] = "in doubt"
        #expect(
            holdings.startObstacle(to: vf[0], for: owner, on: host)
                == .function(vf[0], .quarantined(reason: "in doubt")))
        holdings = Holdings(quarantine: [pf: "in doubt"])
        #expect(
            holdings.startObstacle(to: vf[0], for: owner, on: host) == .function(pf, .quarantined(reason: "in doubt")))
        holdings.claims = held(vf[0], by: owner).claims
        #expect(holdings.startObstacle(to: vf[0], for: owner, on: host) == nil)
    }
}
