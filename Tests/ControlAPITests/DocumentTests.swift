// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Foundation
import HostModel
import HostSimulator
import Testing

private struct Names: PCINameSource {
    func vendor(_ id: UInt16) -> String? { id == 0x8086 ? "Intel Corporation" : nil }
    func device(vendor: UInt16, device: UInt16) -> String? { nil }
    func classCode(_ code: UInt32) -> String? { nil }
}

private func object(_ value: some Encodable) throws -> [String: Any] {
    let parsed = try JSONSerialization.jsonObject(with: Data(try JSON.encode(value)))
    return try #require(parsed as? [String: Any])
}

@Suite("The inventory document")
struct InventoryTests {
    private let host: HostSimulator

    init() throws {
        host = HostSimulator {
            $0.numaNodes(2)
            $0.bridge("0000:3a:00.0", numa: 1)
            $0.pf("0000:3b:00.0", totalVFs: 7, numa: 1, interface: "ens1f0")
            $0.function("0000:05:00.0", classCode: 0x040300)
        }
        try host.meanwhile(.setVFCount(physicalFunction: "0000:3b:00.0", count: 2))
    }

    private var inventory: Inventory {
        Inventory(of: host.now, names: Names(), claims: ["0000:3b:10.1": "c7"], capturedAt: 1_767_323_045)
    }

    @Test("says null for what is unknown, and leaves nothing out")
    func explicitNulls() throws {
        let root = try object(inventory)
        #expect(root["schemaVersion"] as? Int == 1)
        let functions = try #require(root["functions"] as? [[String: Any]])
        let plain = try #require(functions.first { $0["address"] as? String == "0000:05:00.0" })
        for key in [
            "driver", "driverOverride", "numaNode", "localCPUs", "parent", "link", "sriov", "virtualFunction", "claim",
        ] {
            #expect(plain[key] is NSNull, "\(key) is \(String(describing: plain[key]))")
        }
        #expect((plain["device"] as? [String: Any])?["name"] is NSNull)
        #expect((plain["class"] as? [String: Any])?["id"] as? String == "040300")
        #expect(plain["role"] as? String == "function")
        let host = try #require(root["host"] as? [String: Any])
        #expect(host["capturedAt"] as? String == "2026-01-02T03:04:05Z")
        let keys = functions.map { Set($0.keys) }
        #expect(Set(keys).count == 1, "every function has the same keys")
    }

    @Test("describes a card and its VFs as the contract does")
    func roles() throws {
        let functions = try #require(try object(inventory)["functions"] as? [[String: Any]])
        let physical = try #require(functions.first { $0["role"] as? String == "physical-function" })
        let sriov = try #require(physical["sriov"] as? [String: Any])
        #expect(sriov["numVFs"] as? Int == 2)
        #expect(sriov["virtualFunctions"] as? [String] == ["0000:3b:10.0", "0000:3b:10.1"])
        #expect(sriov["vfDevice"] as? String == "10ca")
        #expect((physical["vendor"] as? [String: Any])?["name"] as? String == "Intel Corporation")
        let virtual = try #require(functions.last)
        #expect(virtual["claim"] as? String == "c7")
        let relation = try #require(virtual["virtualFunction"] as? [String: Any])
        #expect(relation["physicalFunction"] as? String == "0000:3b:00.0")
        #expect(relation["index"] as? Int == 1)
        #expect(
            functions.compactMap { $0["address"] as? String }
                == functions.compactMap { $0["address"] as? String }.sorted())
    }

    @Test("says which groups are viable, and what blocks the others")
    func groups() throws {
        let groups = inventory.iommuGroups
        #expect(groups.map(\.id) == groups.map(\.id).sorted())
        let blocked = try #require(groups.first { $0.functions == ["0000:3b:00.0"] })
        #expect(!blocked.viable)
        #expect(blocked.blockers.map(\.reason) == ["bound to host driver igb"])
        #expect(groups.first { $0.functions == ["0000:3a:00.0"] }?.viable == true)
    }

    @Test("reads back as it was written, also from a document of yesterday")
    func roundTrip() throws {
        #expect(try JSON.decode(Inventory.self, from: JSON.encode(inventory)) == inventory)
        let text = String(decoding: try JSON.encode(inventory, pretty: false), as: UTF8.self)
        let older = text.replacingOccurrences(of: "\"driverOverride\":null,", with: "")
        #expect(older != text)
        #expect(try JSON.decode(Inventory.self, from: Array(older.utf8)) == inventory)
    }
}

@Suite("The other documents")
struct DocumentTests {
    @Test("a plan as text, with its blast radius")
    func plan() throws {
        let host = HostSimulator { $0.pf("0000:3b:00.0", totalVFs: 7) }
        try host.meanwhile(.setVFCount(physicalFunction: "0000:3b:00.0", count: 1))
        let desired = DesiredState(physicalFunctions: [
            PFDeclaration(selector: Selector(addresses: ["0000:3b:00.0"]), vfCount: 2, vfDriver: "vfio-pci")
        ])
        let document = PlanDocument(try Planner.plan(for: desired, on: host.now, holdings: Holdings()))
        #expect(!document.empty)
        #expect(document.blastRadius.functions == ["0000:3b:10.0"])
        let cut = try #require(document.physicalFunctions.first?.changes.first)
        #expect(cut.from == "1 VF, autoprobe on")
        #expect(cut.to == "2 VFs, autoprobe off")
        #expect(
            cut.steps.map(\.action) == [
                "set VF count of 0000:3b:00.0 to 0", "set drivers_autoprobe of 0000:3b:00.0 off",
                "set VF count of 0000:3b:00.0 to 2",
            ])
        #expect(cut.steps[2].postconditions == ["0000:3b:00.0 has 2 VFs, all present"])
        let root = try object(document)
        #expect(root["schemaVersion"] as? Int == 1)
        let read = try JSON.decode(PlanDocument.self, from: JSON.encode(document))
        #expect(try JSON.encode(read) == JSON.encode(document))
        #expect(PlanDocument(Plan()).empty)
    }

    @Test("a claim's unknowns are null too")
    func claims() throws {
        let claim = Claim(
            id: "c3", pool: "vfs", owner: .name("fw1"), ownerName: "fw1", numa: .required(node: 1), state: .bound,
            createdAt: 0,
            assignments: [
                Assignment(
                    name: "c3", address: "0000:3b:10.0", virtualFunction: nil, iommuGroup: 5, numaNode: nil,
                    isNetwork: true, settings: VFSettings(vlan: VFSettings.VLANChoice.none),
                    original: OriginalState(driver: nil, driverOverride: nil))
            ])
        let root = try object(ClaimsDocument(claims: [.init(claim)]))
        let first = try #require((root["claims"] as? [[String: Any]])?.first)
        #expect(first["numa"] as? String == "required:1")
        #expect(first["createdAt"] as? String == "1970-01-01T00:00:00Z")
        let assignment = try #require((first["assignments"] as? [[String: Any]])?.first)
        for key in ["numaNode", "virtualFunction", "mac", "vlan", "trust"] { #expect(assignment[key] is NSNull) }
    }

    @Test("a refusal becomes code, subject, message and remedy")
    func errors() throws {
        let body = ErrorBody(Refusal.function("0000:3b:10.2", .heldByClaim(claim: "c1", owner: "fw1")))
        let error = try #require(try object(body)["error"] as? [String: Any])
        #expect(error["code"] as? String == "held-by-claim")
        #expect(error["subject"] as? String == "0000:3b:10.2")
        #expect(error["remedy"] as? String == "buslane release c1")
        let bare = try object(ErrorBody(code: "x", subject: "y", message: "z"))
        #expect((bare["error"] as? [String: Any])?["remedy"] is NSNull)
    }

    @Test("a malformed value in a request says what was expected")
    func malformedRequest() {
        let text = #"{"pool": "vfs", "count": 1, "mac": "nonsense"}"#
        let error = #expect(throws: DecodingError.self) {
            try JSON.decode(AllocateRequest.self, from: Array(text.utf8))
        }
        let malformed = error.map { MalformedDocument($0) }
        #expect(malformed?.field == "mac")
        #expect(malformed?.message.contains("six octets") == true)
    }

    @Test("several devices are read, each with its own settings, and not together with a pool")
    func severalDevices() throws {
        func parts(_ text: String) throws -> [AllocateRequest.Part] {
            let bytes = Array(text.utf8)
            let request = try JSON.decodeStrictly(AllocateRequest.self, from: bytes)
            return try request.parts()
        }
        let asked = try parts(
            #"{"devices": [{"pool": "a", "name": "data0", "vlan": 42}, {"pool": "b", "trust": true}]}"#)
        #expect(asked.map(\.pool) == ["a", "b"] && asked.map(\.name) == ["data0", nil])
        #expect(asked.map(\.settings.trust) == [nil, true] && asked.map(\.count) == [1, 1])
        for wrong in [
            "{}", #"{"devices": []}"#, #"{"devices": [{"pool": "a", "name": "d"}, {"pool": "b", "name": "d"}]}"#,
            #"{"pool": "a", "devices": [{"pool": "a"}]}"#,
            #"{"vlan": 3, "devices": [{"pool": "a"}]}"#, #"{"devices": [{"pool": "a", "qos": 2}]}"#,
            #"{"devices": [{"pool": "a", "vlann": 2}]}"#,
        ] { #expect(throws: MalformedDocument.self, "\(wrong)") { try parts(wrong) } }
    }

    @Test("an older client's request is read, and a newer one's settings are checked")
    func allocateSettings() throws {
        let plain = #"{"pool": "p", "count": 1, "mac": "52:54:00:11:22:33", "vlan": "42", "trust": true}"#
        let vlan = try #require(VLANID(42))
        #expect(
            try JSON.decode(AllocateRequest.self, from: Array(plain.utf8)).parts().map(\.settings)
                == [VFSettings(mac: "52:54:00:11:22:33", vlan: .id(vlan), trust: true)])
        func asking(_ change: (inout AllocateRequest) -> Void) throws -> VFSettings {
            var request = AllocateRequest(pool: "p")
            change(&request)
            let copy = try JSON.decode(AllocateRequest.self, from: JSON.encode(request))
            return try #require(try copy.parts().first).settings
        }
        let full = try asking {
            $0.vlan = vlan
            $0.qos = 3
            $0.vlanProtocol = .dot1ad
            $0.spoofCheck = false
            $0.linkState = .enable
            $0.minTxRate = 10
            $0.maxTxRate = 100
        }
        #expect(
            full.description
                == "vlan 42 qos 3 802.1ad, spoofchk off, link enable, min rate 10 Mbit/s, max rate 100 Mbit/s")
        #expect(throws: MalformedDocument.self) { try asking { $0.qos = 3 } }
        #expect(throws: MalformedDocument.self) { try asking { $0.vlanProtocol = .dot1ad } }
        #expect(throws: MalformedDocument.self) {
            try asking {
                $0.vlan = vlan
                $0.qos = 8
            }
        }
        #expect(throws: MalformedDocument.self) { try asking { $0.maxTxRate = -1 } }
        #expect(throws: MalformedDocument.self) {
            try asking {
                $0.minTxRate = 11
                $0.maxTxRate = 10
            }
        }
    }
}
