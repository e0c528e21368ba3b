// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import FixtureHosts
import Foundation
import HostIO
import HostModel
import SchemaCheck
import Testing

private struct Names: PCINameSource {
    func vendor(_ id: UInt16) -> String? { id == 0x8086 ? "Intel Corporation" : nil }
    func device(vendor: UInt16, device: UInt16) -> String? { nil }
    func classCode(_ code: UInt32) -> String? { nil }
}

/// The inventory of a host.
func document(_ snapshot: HostSnapshot) throws -> Data {
    Data(
        try JSON.encode(
            Inventory(of: snapshot, names: Names(), claims: [address("0000:3b:10.1"): "c7"], capturedAt: 1_767_323_045))
    )
}

@Suite("The inventory's schema")
struct InventorySchemaTests {
    @Test("the inventory of every fixture host is valid")
    func hosts() throws {
        var documents = try (healthyHosts + ["troubled-host"]).map { try document(FixtureTree(named: $0).snapshot()) }
        documents.append(try document(FixtureTree(manyVFs(256)).snapshot()))
        documents.append(try document(FixtureTree("/sys/kernel/uevent_seqnum = 1").snapshot()))
        documents.append(try document(SysfsReader(paths: HostPaths()).snapshot()))
        let (status, lines) = try SchemaCheck.validate(documents)
        #expect(status == 0, "\(lines)")
    }

    @Test("a VF's settings fit the schema, and \"no VLAN\" differs from an unknown VLAN")
    func settings() throws {
        var virtual = Function(
            address: try address("0000:3b:10.0"),
            identity: Identity(vendor: 0x8086, device: 0x154c, classCode: 0x020000),
            role: .virtualFunction(VirtualFunction(physicalFunction: try address("0000:3b:00.0"), index: 0)))
        virtual.vfSettings = VFSettings(
            mac: MACAddress("52:54:00:11:22:33"),
            vlan: .tag(VLANTag(try #require(VLANID(100)), qos: 3, protocol: .dot1ad)), trust: true, spoofCheck: false,
            linkState: .auto, minTxRateMbps: 0, maxTxRateMbps: 1000)
        func host(_ function: Function) -> HostSnapshot {
            HostSnapshot(
                host: HostIdentity(name: "kvm7"), iommu: IOMMU(enabled: false, kind: nil), functions: [function])
        }
        let full = try document(host(virtual))
        let told = try JSON.decode(Inventory.self, from: Array(full)).functions.first?.vfSettings
        #expect(told?.vlan == 100 && told?.vlanQoS == 3 && told?.vlanProtocol == "802.1ad")
        #expect(told?.maxTxRateMbps == 1000)
        virtual.vfSettings?.vlan = VFSettings.VLANChoice.none
        let none = try document(host(virtual))
        #expect(try JSON.decode(Inventory.self, from: Array(none)).functions.first?.vfSettings?.vlan == 0)
        virtual.vfSettings?.vlan = nil
        let unknown = try document(host(virtual))
        #expect(try JSON.decode(Inventory.self, from: Array(unknown)).functions.first?.vfSettings?.vlan == nil)
        let (status, lines) = try SchemaCheck.validate([full, none, unknown])
        #expect(status == 0, "\(lines)")
    }

    /// A schema without rules would accept every document.
    @Test("a document that violates the schema is refused")
    func broken() throws {
        let text = String(decoding: try document(FixtureTree(named: "dataplane-host").snapshot()), as: UTF8.self)
        let changes = [
            ("\"schemaVersion\": 1", "\"schemaVersion\": 2"), ("\"numaNode\": 1", "\"numaNode\": -1"),
            ("\"role\": \"virtual-function\"", "\"role\": \"function\""), ("\"localCPUs\"", "\"cpus\""),
            ("\"0000:3b:00.0\"", "\"3b:00.0\""), ("\"viable\"", "\"usable\""), ("\"capturedAt\"", "\"at\""),
            ("\"numVFs\"", "\"vfs\""), ("\"warnings\"", "\"notes\""),
        ]
        for (right, _) in changes { #expect(text.contains(right)) }
        let (status, lines) = try SchemaCheck.validate(
            changes.map { Data(text.replacingOccurrences(of: $0.0, with: $0.1).utf8) })
        #expect(status == 1, "\(lines)")
        for (index, change) in changes.enumerated() {
            #expect(lines.contains("/\(index).json: "), "\(change.1) was let through")
        }
    }

    @Test("fields that are added within a version are ignored")
    func extensible() throws {
        let text = String(decoding: try document(FixtureTree(named: "dataplane-host").snapshot()), as: UTF8.self)
        let longer = text.replacingOccurrences(of: "\"driver\" :", with: "\"colour\": \"green\", \"driver\" :")
            .replacingOccurrences(of: "\"enabled\" :", with: "\"mode\": \"strict\", \"enabled\" :")
        let (status, lines) = try SchemaCheck.validate([Data(longer.utf8)])
        #expect(status == 0, "\(lines)")
    }
}
