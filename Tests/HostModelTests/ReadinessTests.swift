// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("Making a function ready, and restoring it")
struct ReadinessTests {
    private let vf: PCIAddress = "0000:3b:10.1"

    private func assignment(
        of address: PCIAddress, on host: HostSimulator, settings: VFSettings = VFSettings()
    ) throws -> Assignment {
        let function = try #require(host.now[address])
        return Assignment(
            name: "data0", address: address, virtualFunction: function.virtualFunction,
            iommuGroup: function.iommuGroup ?? 0, numaNode: nil, isNetwork: function.isEthernet, settings: settings,
            original: OriginalState(
                driver: function.driver, driverOverride: function.driverOverride, settings: function.vfSettings))
    }

    private func carryOut(_ changes: [Change], on host: HostSimulator) throws {
        try HostModelTests.carryOut(
            Plan(perPF: [PFPlan(physicalFunction: pf, purpose: .declared, changes: changes)]), on: host)
    }

    @Test(
        "restoring returns a function to the state in which it was found, whatever that was", arguments: [true, false],
        ["igbvf", "vfio-pci", nil])
    func thereAndBack(autoprobe: Bool, driver: String?) throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7) }
        try host.meanwhile(.setDriversAutoprobe(physicalFunction: pf, on: autoprobe))
        try host.meanwhile(.setVFCount(physicalFunction: pf, count: 2))
        if let driver {
            if autoprobe { try host.meanwhile(.unbindDriver(vf)) }
            try host.meanwhile(.setDriverOverride(vf, driver: driver))
            try host.meanwhile(.probeDriver(vf))
        }
        let before = host.now[vf]
        let settings = VFSettings(mac: "52:54:00:11:22:33", vlan: .id(try #require(VLANID(42))), trust: true)
        let assignment = try assignment(of: vf, on: host, settings: settings)
        try carryOut(try ClaimPlanner.ready(assignment, on: host.now), on: host)
        #expect(host.now[vf]?.driver == "vfio-pci")
        #expect(host.now[vf]?.vfSettings?.mac == settings.mac)
        #expect(host.now[vf]?.vfSettings?.spoofCheck == true)
        #expect(try ClaimPlanner.ready(assignment, on: host.now).isEmpty)
        try carryOut(try ClaimPlanner.restore(assignment, on: host.now), on: host)
        #expect(host.now[vf] == before)
        #expect(host.resets(of: vf) == 1)
    }

    @Test("a VF whose PF is down is refused: it would have no link")
    func pfDown() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7, interface: "ens1", up: false) }
        try host.meanwhile(.setVFCount(physicalFunction: pf, count: 2))
        let assignment = try assignment(of: vf, on: host)
        #expect(throws: Refusal.function(pf, .physicalFunctionDown(interface: "ens1"))) {
            try ClaimPlanner.ready(assignment, on: host.now)
        }
    }

    @Test("a function that is another one than the assigned is not made ready, and not restored")
    func another() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7) }
        try host.meanwhile(.setVFCount(physicalFunction: pf, count: 2))
        let own = try assignment(of: vf, on: host)
        for recorded in [
            VirtualFunction(physicalFunction: "0000:3a:00.0", index: 1),
            VirtualFunction(physicalFunction: pf, index: 0),
            nil,
        ] {
            let other = Assignment(
                name: own.name, address: vf, virtualFunction: recorded, iommuGroup: own.iommuGroup, numaNode: nil,
                isNetwork: true, settings: VFSettings(trust: true),
                original: OriginalState(driver: nil, driverOverride: nil))
            let refusal = #expect(throws: Refusal.self) { try ClaimPlanner.ready(other, on: host.now) }
            #expect(refusal?.report.code == "quarantined")
            #expect(try ClaimPlanner.restore(other, on: host.now).isEmpty)
        }
    }

    @Test("a missing function cannot be made ready, and needs no restoring")
    func gone() throws {
        let host = HostSimulator { $0.function("0000:05:00.0", driver: "e1000e", resetMethods: []) }
        let assignment = try assignment(of: "0000:05:00.0", on: host)
        try carryOut(try ClaimPlanner.ready(assignment, on: host.now), on: host)
        try carryOut(try ClaimPlanner.restore(assignment, on: host.now), on: host)
        #expect(host.now["0000:05:00.0"]?.driver == "e1000e")
        host.pull("0000:05:00.0")
        #expect(throws: Refusal.function("0000:05:00.0", .unknown)) { try ClaimPlanner.ready(assignment, on: host.now) }
        #expect(try ClaimPlanner.restore(assignment, on: host.now).isEmpty)
    }
}

@Suite("Recovering an interrupted change")
struct RecoveryTests {
    private let vf: PCIAddress = "0000:3b:10.0"
    private let host: HostSimulator
    private let free: Aspect
    private let bound: Aspect

    init() throws {
        host = HostSimulator { $0.pf(pf, totalVFs: 7) }
        try host.meanwhile(.setDriversAutoprobe(physicalFunction: pf, on: false))
        try host.meanwhile(.setVFCount(physicalFunction: pf, count: 1))
        free = .binding("0000:3b:10.0", driver: nil, driverOverride: nil)
        bound = .binding("0000:3b:10.0", driver: "vfio-pci", driverOverride: "vfio-pci")
    }

    private func decide(_ purpose: Recovery.Purpose, sameBoot: Bool = true) -> Recovery.Decision {
        Recovery.decide(from: free, to: bound, purpose: purpose, sameBoot: sameBoot, on: host.now)
    }

    @Test(
        "a claim that was being set up is undone; every other change is completed",
        arguments: [Recovery.Purpose.apply, .prepare])
    func directions(purpose: Recovery.Purpose) throws {
        try host.meanwhile(.setDriverOverride(vf, driver: "vfio-pci"))
        guard case .complete(let forward) = decide(purpose) else {
            Issue.record("expected to go forward")
            return
        }
        #expect(forward.steps.map(\.action) == [.probeDriver(vf)])
        guard case .undo(let back) = decide(.allocate) else {
            Issue.record("expected to go back")
            return
        }
        #expect(back.steps.map(\.action) == [.setDriverOverride(vf, driver: nil)])
    }

    @Test("nothing is to do if the goal holds, after a reboot, or if the function is missing")
    func closes() throws {
        #expect(decide(.allocate) == .close)
        #expect(decide(.apply, sameBoot: false) == .close)
        try host.meanwhile(.setVFCount(physicalFunction: pf, count: 0))
        #expect(decide(.apply) == .close)
    }

    @Test("VF settings need no recovery if the VF is missing: its PF is not quarantined")
    func settingsOfAVanishedVF() throws {
        let virtual = VirtualFunction(physicalFunction: pf, index: 0)
        try host.meanwhile(.setVFCount(physicalFunction: pf, count: 0))
        let decision = Recovery.decide(
            from: .vfSettings(virtual, VFSettings(trust: false)), to: .vfSettings(virtual, VFSettings(trust: true)),
            purpose: .allocate, sameBoot: true, on: host.now)
        #expect(decision == .close)
    }

    @Test("a function whose state cannot be read goes into quarantine")
    func unreadable() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7, interface: nil) }
        try host.meanwhile(.setVFCount(physicalFunction: pf, count: 1))
        let virtual = VirtualFunction(physicalFunction: pf, index: 0)
        let decision = Recovery.decide(
            from: .vfSettings(virtual, VFSettings(trust: false)), to: .vfSettings(virtual, VFSettings(trust: true)),
            purpose: .prepare, sameBoot: true, on: host.now)
        guard case .quarantine = decision else {
            Issue.record("expected quarantine, got \(decision)")
            return
        }
    }
}
