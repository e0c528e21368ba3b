// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@testable import ControlAPI

private struct NoNames: PCINameSource {
    func vendor(_ id: UInt16) -> String? { nil }
    func device(vendor: UInt16, device: UInt16) -> String? { nil }
    func classCode(_ code: UInt32) -> String? { nil }
}

@Suite("An inventory in parts")
struct InventoryPartsTests {
    private var host: HostSnapshot {
        let card = Function(
            address: "0000:3b:00.0",
            identity: Identity(vendor: 0x8086, device: 0x158b, classCode: 0x020000), driver: "i40e", iommuGroup: 5)
        return HostSnapshot(
            host: HostIdentity(name: "kvm7"), iommu: IOMMU(enabled: true, kind: .intelVTd),
            numaNodes: [NUMANode(id: 0, cpus: "0-3", distances: [10], memory: nil, hugepages: [])],
            iommuGroups: [IOMMUGroup(id: 5, type: "DMA", functions: [card.address])], functions: [card],
            warnings: ["careful"])
    }

    @Test("the head and the body make the document")
    func joined() throws {
        let whole = Inventory(of: host, names: NoNames(), capturedAt: 0)
        let head = try InventoryHead(of: host, numaNodes: host.numaNodes, capturedAt: 0).opening()
        #expect(
            String(decoding: try head + InventoryBody(of: host, names: NoNames()).text(), as: UTF8.self)
                == String(
                    decoding: try JSON.encode(whole), as: UTF8.self))
        let empty = HostSnapshot(host: host.host, iommu: host.iommu)
        let parts =
            try InventoryHead(of: empty, numaNodes: [], capturedAt: 0).opening()
            + InventoryBody(of: empty, names: NoNames()).text()
        #expect(try JSON.decode(Inventory.self, from: parts).functions.isEmpty)
    }

    @Test("functions that are encoded in slices make the same document", arguments: [0, 1, 128, 129, 300])
    func slices(count: Int) throws {
        let functions = try (0..<count).map { number in
            let bus = String(number / 8 + 0x10, radix: 16)
            return Function(
                address: try PCIAddress("0000:\(bus):00.\(number % 8)"),
                identity: Identity(vendor: 0x8086, device: 0x158b, classCode: 0x020000))
        }
        let snapshot = HostSnapshot(host: host.host, iommu: host.iommu, functions: functions)
        let inventory = Inventory(of: snapshot, names: NoNames(), capturedAt: 0)
        #expect(inventory.functions.map(\.address) == functions.map(\.address))
        let head = try InventoryHead(of: snapshot, numaNodes: snapshot.numaNodes, capturedAt: 0).opening()
        #expect(try head + InventoryBody(of: snapshot, names: NoNames()).text() == JSON.encode(inventory))
    }

    @Test("a change names the fields that differ")
    func change() throws {
        let before = try #require(host.functions.first)
        var after = before
        after.driver = nil
        after.driverOverride = "vfio-pci"
        let changed = InventoryChange(
            FunctionChange(address: before.address, before: before, after: after), on: host, names: NoNames(),
            claim: "c1", at: 0)
        #expect(changed.event == .changed)
        #expect(changed.fields == ["driver", "driverOverride"])
        #expect(changed.function?.claim == "c1")
        #expect(changed.at == "1970-01-01T00:00:00Z")
        let gone = InventoryChange(
            FunctionChange(address: before.address, before: before, after: nil), on: host, names: NoNames(), at: 0)
        #expect(gone.event == .removed)
        #expect(gone.function?.driver == "i40e")
        let new = InventoryChange(
            FunctionChange(address: before.address, before: nil, after: after), on: host, names: NoNames(), at: 0)
        #expect(new.event == .added)
        #expect(new.fields == [])
        #expect(try JSON.decode(InventoryChange.self, from: JSON.encode(new, pretty: false)) == new)
        #expect(InventoryChange.watching(at: 0).address == nil)
    }
}
