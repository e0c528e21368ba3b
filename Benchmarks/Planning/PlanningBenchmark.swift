// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import Foundation
import HostIO
import HostModel

/// Measures planning and placement on a synthetic host, or the ledger's part of a claim.
///
/// Usage: `planning-benchmark FOLDER` or `planning-benchmark --ledger FILE`. The first prints JSON: the median seconds
/// of each kind of plan with its number of steps, and of one placement. The second prints the median seconds of one
/// claim with its release.
@main
struct PlanningBenchmark {
    private static let runs = 31

    static func main() async throws {
        if CommandLine.arguments.dropFirst().first == "--ledger", let file = CommandLine.arguments.dropFirst(2).first {
            return print(try await LedgerBenchmark.secondsOfACycle(in: file))
        }
        guard CommandLine.arguments.count == 2 else {
            FileHandle.standardError.write(Data("error: usage: planning-benchmark FOLDER | --ledger FILE\n".utf8))
            exit(64)
        }
        let host = try SysfsReader(paths: HostPaths(root: CommandLine.arguments[1])).snapshot(including: .decisive)
        let cards = host.functions.filter { $0.sriov != nil }
        var result: [String: Any] = ["functions": host.functions.count, "cards": cards.count]
        for (name, rest) in [
            // Every VF gets settings, and VFIO instead of the host's driver.
            ("rebound", "vfCount: 126\n    vfDriver: vfio-pci\n    driversAutoprobe: true"),
            // Every VF is removed, and more are created.
            ("recut", "vfCount: 128\n    vfDriver: vfio-pci"),
            ("nothing to do", "vfCount: 126\n    driversAutoprobe: true\n    linkUp: true"),
        ] {
            let text = cards.map { card in
                "  - select: {addresses: ['\(card.address)']}\n    "
                    + rest.replacingOccurrences(of: "126", with: String(card.sriov?.vfCount ?? 0)) + "\n"
            }.joined()
            let desired = try DesiredState(yaml: "physicalFunctions:\n" + text, file: name)
            var steps = 0
            let seconds = try median {
                let plan = try Planner.plan(for: desired, on: host, holdings: Holdings())
                steps = plan.perPF.reduce(0) { $0 + $1.stepCount }
            }
            result[name] = ["seconds": seconds, "steps": steps]
        }
        result["placement"] = ["seconds": try placement(on: host)]
        let bytes = try JSONSerialization.data(withJSONObject: result, options: [.sortedKeys, .prettyPrinted])
        print(String(decoding: bytes, as: UTF8.self))
    }

    /// The seconds to place one more claim near a node, beside a thousand others.
    private static func placement(on host: HostSnapshot) throws -> Double {
        let pool = Pool(name: "vfs", selector: Selector(kinds: [.virtualFunction]))
        // With the index that the daemon keeps.
        var host = host
        host.index(by: pool.selector)
        var holdings = Holdings()
        for (number, function) in Placement.free(of: pool, on: host, holdings: holdings).prefix(1000).enumerated() {
            holdings.claims[function.address] = .init(
                id: "c\(number)", owner: .name("owner-\(number)"), ownerName: "owner-\(number)")
        }
        let request = ClaimRequest(pool: pool, owner: .name("fw1"), numa: .preferred(node: 1))
        return try median { _ = try Placement.choose(for: request, on: host, holdings: holdings) }
    }

    private static func median(_ work: () throws -> Void) rethrows -> Double {
        let clock = ContinuousClock()
        var times: [Duration] = []
        for _ in 0..<runs { times.append(try clock.measure(work)) }
        return times.medianSeconds
    }
}

extension [Duration] {
    /// The median in seconds; 0 for an empty array.
    var medianSeconds: Double {
        guard !isEmpty else { return 0 }
        let middle = sorted()[count / 2].components
        return Double(middle.seconds) + Double(middle.attoseconds) / 1e18
    }
}
