// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

/// Measures the ledger's part of a claim and its release: the daemon's writes in sequence, without a host and without a
/// socket.
enum LedgerBenchmark {
    private static let runs = 400

    static func secondsOfACycle(in file: String) async throws -> Double {
        let ledger = try Ledger(path: file)
        let function = Function(
            address: try PCIAddress("0000:3b:10.0"),
            identity: .init(vendor: 0x8086, device: 0x1520, classCode: 0x020000, revision: 0),
            driver: "vfio-pci", driverOverride: "vfio-pci", iommuGroup: 7, numaNode: 0,
            role: .virtualFunction(VirtualFunction(physicalFunction: try PCIAddress("0000:3b:00.0"), index: 0)))
        let request = ClaimRequest(pool: Pool(name: "vfs", selector: Selector()), owner: .name("fw1"))
        let actor = AuditEntry.Actor(uid: 0, pid: 1)
        let clock = ContinuousClock()
        var times: [Duration] = []
        for _ in 0..<runs {
            let time = try await clock.measure {
                let entry = AuditEntry.Draft("allocate", subject: "vfs", detail: "1 for fw1", actor: actor)
                let claim = try await ledger.allocate(bootID: "boot", audit: entry) { _ in
                    ClaimDraft(
                        request: request, slots: [.init(function: function, settings: VFSettings(), numaNode: function.numaNode)], isReady: true)
                }
                guard case .begun = try await ledger.transitions.beginRelease(of: claim.id, unless: { _ in nil }) else {
                    return
                }
                let end = AuditEntry.Draft("release", subject: claim.id, detail: "fw1", actor: actor)
                try await ledger.transitions.end(claim: claim.id, audit: end)
            }
            times.append(time)
        }
        return times.medianSeconds
    }
}
