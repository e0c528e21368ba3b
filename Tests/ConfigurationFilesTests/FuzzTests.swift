// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@testable import ConfigurationFiles

@Suite("Configurations and selectors with something wrong in them")
struct FuzzTests {
    private static let good = """
        physicalFunctions:
          - select: {addresses: ["0000:3b:00.0"]}
            vfCount: 4
            vfs: [{range: "0-2", vlan: 100, trust: yes}]
        pools:
          - name: dataplane
            select: {vendors: ["8086"], kinds: [virtual-function], pfNames: ["ens1f0#0-3"], numaNodes: [0, 1], macs: ["52:54:00:00:00:01"]}
            numa: required:1
            allow: {users: [ops], groups: [net]}
        """

    @Test("one is taken or refused with its place, and what is taken can be asked of a host", arguments: 0..<4)
    func mutated(batch: Int) throws {
        let host = HostSimulator { builder in
            builder.numaNodes(2)
            builder.pf("0000:3b:00.0", totalVFs: 7, numa: 0, up: true)
        }
        try host.meanwhile(.setVFCount(physicalFunction: "0000:3b:00.0", count: 4))
        host.finishVFs()
        let all = Set(host.now.functions.map(\.address))
        var random = FixedSeed(UInt64(batch))
        var taken = 0
        for number in 0..<1000 {
            var bytes = Array(Self.good.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 9...126, using: &random)
                case 1: bytes.remove(at: place)
                case 2:
                    bytes.insert(
                        contentsOf: ["99999999999999999999", "-", "#", "[", "é", "\"", "0x"].randomElement(
                            using: &random)?.utf8 ?? "".utf8, at: place)
                default: bytes.removeLast(min(bytes.count - 1, Int.random(in: 1...40, using: &random)))
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            do throws(ConfigurationError) {
                let desired = try DesiredState(yaml: text, file: "buslane.yaml")
                taken += 1
                for pool in desired.pools {
                    let met = pool.selector.matches(in: host.now)
                    #expect(met.count == Set(met.map(\.address)).count && all.isSuperset(of: met.map(\.address)))
                }
                // A refusal is an answer; anything else ends the test run.
                _ = try? Planner.plan(for: desired, on: host.now, holdings: Holdings())
            } catch {
                #expect(error.description.contains("buslane.yaml"), "batch \(batch), number \(number): \(error)")
            }
        }
        #expect(taken > 20, "batch \(batch): \(taken) of 1000 were taken")
    }
}
