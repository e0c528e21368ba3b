// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("What each PF driver asks for")
struct DriverOrderTests {
    private let virtual = VirtualFunction(physicalFunction: pf, index: 0)

    private func declare(_ count: Int, linkUp: Bool?) -> DesiredState {
        DesiredState(physicalFunctions: [
            PFDeclaration(selector: Selector(addresses: [pf]), vfCount: count, linkUp: linkUp)
        ])
    }

    @Test("bnxt_en creates no VFs while it is down: the link comes first, and must not be declared down")
    func linkFirst() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7, driver: "bnxt_en", up: false) }
        let plan = try Planner.plan(for: declare(2, linkUp: nil), on: host.now, holdings: Holdings())
        let actions = plan.perPF.flatMap(\.changes).flatMap(\.steps).map(\.action)
        let link = try #require(actions.firstIndex(of: .setLink(physicalFunction: pf, up: true)))
        let count = try #require(actions.firstIndex(of: .setVFCount(physicalFunction: pf, count: 2)))
        #expect(link < count)
        #expect(throws: Refusal.declaration(.vfsNeedLink(pf, driver: "bnxt_en"))) {
            try Planner.plan(for: declare(2, linkUp: false), on: host.now, holdings: Holdings())
        }
        // A PF without VFs may be down.
        #expect(throws: Never.self) {
            try Planner.plan(for: declare(0, linkUp: false), on: host.now, holdings: Holdings())
        }
    }

    @Test(
        "other drivers create VFs with the link up or down",
        arguments: ["igb", "i40e", "ice", "ixgbe", "mlx5_core", "qede"])
    func whileDown(driver: String) throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7, driver: driver, up: false) }
        #expect(try !Planner.plan(for: declare(2, linkUp: false), on: host.now, holdings: Holdings()).isEmpty)
    }

    @Test(
        "distinguishes temporary errors of a VF's settings from others",
        arguments: [
            ("i40e", KernelAnswer.again, true), ("i40e", .busy, false), ("ice", .busy, true), ("ice", .invalid, false),
            ("igb", .again, false), ("ixgbe", .invalid, false), ("bnxt_en", .again, true), ("qede", .busy, true),
        ])
    func passing(driver: String, answer: KernelAnswer, passes: Bool) {
        let order = DriverOrder.of(driver: driver)
        #expect(order.passes(answer, to: .setVFSettings(virtual, VFSettings(trust: true))) == passes)
        #expect(!order.passes(answer, to: .setVFCount(physicalFunction: pf, count: 2)))
    }

    @Test("ixgbe refuses rates until it has a link")
    func rates() {
        let order = DriverOrder.of(driver: "ixgbe")
        #expect(order.passes(.invalid, to: .setVFSettings(virtual, VFSettings(maxTxRateMbps: 1000))))
        #expect(!order.passes(.busy, to: .setVFSettings(virtual, VFSettings(maxTxRateMbps: 1000))))
    }
}
