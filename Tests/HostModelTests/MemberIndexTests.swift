// SPDX-License-Identifier: GPL-3.0-or-later
import HostSimulator
import Testing

@testable import HostModel

@Suite("The index of a pool's functions while the host changes")
struct MemberIndexTests {
    private static let selectors = [
        Selector(kinds: [.virtualFunction]), Selector(drivers: ["vfio-pci"]), Selector(numaNodes: [1]),
        Selector(drivers: ["vfio-pci"], pfNames: ["ens1f0"]), Selector(vfs: [try? VFRange("0-3")].compactMap(\.self)),
    ]

    @Test("after every change it agrees with a search of all functions", arguments: 0..<8 as Range<UInt64>)
    func followed(seed: UInt64) throws {
        var random = FixedSeed(seed)
        let simulator = HostSimulator {
            $0.pf("0000:3b:00.0", totalVFs: 7, numa: 0, interface: "ens1f0")
            $0.pf("0000:af:00.0", totalVFs: 7, numa: 1, driver: "i40e", interface: "ens2f0")
        }
        for card: PCIAddress in ["0000:3b:00.0", "0000:af:00.0"] {
            try simulator.meanwhile(.setVFCount(physicalFunction: card, count: 7))
        }
        var followed = simulator.now
        for selector in Self.selectors { followed.index(by: selector) }
        for step in 0..<200 {
            var changed: [PCIAddress: Function?] = [:]
            for _ in 0...Int.random(in: 0...2, using: &random) {
                guard var function = followed.functions.randomElement(using: &random) else { continue }
                switch Int.random(in: 0..<60, using: &random) {
                case 0: changed[function.address] = .some(nil)
                case 1: function.interfaces = []
                case 2: function.numaNode = 1
                default: function.driver = ["vfio-pci", "igbvf", nil].randomElement(using: &random) ?? nil
                }
                if changed[function.address] == nil { changed[function.address] = function }
            }
            _ = followed.update(changed) { IOMMUGroup(id: $0, type: nil, functions: [], device: nil) }
            let fresh = HostSnapshot(
                host: followed.host, iommu: followed.iommu, numaNodes: followed.numaNodes,
                iommuGroups: followed.iommuGroups, functions: followed.functions)
            for selector in Self.selectors {
                #expect(selector.positions(in: followed) == selector.positions(in: fresh), "seed \(seed), step \(step)")
                followed.index(by: selector)
                #expect(selector.positions(in: followed) == selector.positions(in: fresh), "seed \(seed), step \(step)")
            }
        }
    }
}
