// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Foundation
import HostModel
import HostSimulator
import SchemaCheck
import Testing

@Suite("The inventory of a simulated host")
struct SimulatedInventoryTests {
    private struct NoNames: PCINameSource {
        func vendor(_ id: UInt16) -> String? { nil }
        func device(vendor: UInt16, device: UInt16) -> String? { nil }
        func classCode(_ code: UInt32) -> String? { nil }
    }

    private func document(_ snapshot: HostSnapshot, _ uses: HostUses = HostUses()) throws -> Data {
        Data(try JSON.encode(Inventory(of: snapshot, names: NoNames(), uses: uses, capturedAt: 0)))
    }

    @Test("is valid in every state that it goes through")
    func simulated() throws {
        let host = HostSimulator {
            $0.pf("0000:3b:00.0", totalVFs: 8, numa: 1)
            $0.pf("0000:5e:00.0", totalVFs: 4, interface: nil, vfGroups: .shared)
            $0.function("0000:06:00.0", driver: "nvme", classCode: 0x010802)
        }
        var documents = [try document(host.now)]
        try host.perform(.setVFCount(physicalFunction: "0000:3b:00.0", count: 3))
        try host.perform(.setVFCount(physicalFunction: "0000:5e:00.0", count: 4))
        documents.append(try document(host.now))
        let vf = try #require(host.now["0000:3b:00.0"]?.sriov?.virtualFunctions.first)
        try host.perform(.setDriverOverride(vf, driver: "vfio-pci"))
        try? host.perform(.unbindDriver(vf))
        try host.perform(.probeDriver(vf))
        documents.append(try document(host.now))
        let uses = HostUses(
            openGroups: [
                try #require(host.now[vf]?.iommuGroup): [ProcessHolder(pid: 7, command: "qemu", guest: "fw1")]
            ],
            disks: ["0000:06:00.0": [DiskUse(device: "nvme0n1p1", .mounted(at: "/var"))]])
        #expect(host.now.functions.flatMap { $0.holders(uses) }.map(\.name).sorted() == ["/var", "fw1"])
        documents.append(try document(host.now, uses))
        documents.append(try document(host.reboot().now))
        let (status, lines) = try SchemaCheck.validate(documents)
        #expect(status == 0, "\(lines)")
    }
}
