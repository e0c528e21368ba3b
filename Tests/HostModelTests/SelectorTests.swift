// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("Selectors")
struct SelectorTests {
    let host: HostSnapshot

    init() throws {
        let simulator = HostSimulator {
            $0.bridge("0000:3a:00.0", numa: 0)
            $0.pf("0000:3b:00.0", totalVFs: 7, numa: 0, interface: "ens1f0")
            $0.pf("0000:af:00.0", totalVFs: 7, numa: 1, driver: "i40e", interface: "ens2f0")
            $0.function("0000:05:00.0", driver: "e1000e", interface: "eno1")
        }
        try simulator.meanwhile(.setVFCount(physicalFunction: "0000:3b:00.0", count: 2))
        try simulator.meanwhile(.setVFCount(physicalFunction: "0000:af:00.0", count: 1))
        host = simulator.now
    }

    private func meant(_ selector: Selector) -> [String] { selector.matches(in: host).map(\.address.description) }

    @Test("an empty selector means every function that is no bridge, in address order")
    func everything() {
        #expect(
            meant(Selector()) == [
                "0000:05:00.0", "0000:3b:00.0", "0000:3b:10.0", "0000:3b:10.1", "0000:af:00.0", "0000:af:10.0",
            ])
    }

    @Test("a PF's name means the PF and its VFs; a kind narrows it")
    func names() {
        #expect(meant(Selector(pfNames: ["ens1f0"])) == ["0000:3b:00.0", "0000:3b:10.0", "0000:3b:10.1"])
        #expect(
            meant(Selector(pfNames: ["ens1f0"], kinds: [.virtualFunction])) == ["0000:3b:10.0", "0000:3b:10.1"])
        #expect(meant(Selector(pfNames: ["eno1"])) == ["0000:05:00.0"])
    }

    @Test("every list must hold the function's value")
    func conjunction() {
        #expect(meant(Selector(physicalFunctions: ["0000:3b:00.0"], kinds: [.physicalFunction])) == ["0000:3b:00.0"])
        #expect(meant(Selector(numaNodes: [1])) == ["0000:af:00.0", "0000:af:10.0"])
        #expect(meant(Selector(drivers: ["i40e", "e1000e"], numaNodes: [1])) == ["0000:af:00.0"])
        #expect(meant(Selector(vendors: [0x8086], devices: [0x10ca], numaNodes: [0])).count == 2)
        #expect(meant(Selector(addresses: ["0000:05:00.0"], kinds: [.virtualFunction])).isEmpty)
        #expect(meant(Selector(addresses: [])).isEmpty)
    }

    @Test("a function whose node is unknown is on none, and one without a driver has none of the drivers")
    func unknown() {
        #expect(!meant(Selector(numaNodes: [0, 1])).contains("0000:05:00.0"))
        #expect(meant(Selector(drivers: [""])).isEmpty)
    }
}
