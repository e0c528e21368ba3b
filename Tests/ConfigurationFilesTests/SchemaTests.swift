// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HostModel
import SchemaCheck
import Testing

@testable import ConfigurationFiles

/// JSON is YAML: one text is judged by the reader and by docs/buslane.schema.json.
@Suite("The configuration's schema")
struct SchemaTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The validator's exit status and its lines, one a fault.
    private func validate(_ texts: [String]) throws -> (status: Int32, lines: String) {
        try SchemaCheck.validate(texts.map { Data($0.utf8) }, against: "docs/buslane.schema.json")
    }

    private static func pf(_ more: String, select: String = #"{"pfNames": ["a"]}"#) -> String {
        #"{"physicalFunctions": [{"select": \#(select), "vfCount": 8\#(more)}]}"#
    }

    private static func vf(_ settings: String) -> String { pf(#", "vfs": [{"range": "0", \#(settings)}]"#) }

    private static func pool(_ select: String, more: String = "") -> String {
        #"{"pools": [{"name": "a", "select": \#(select)\#(more)}]}"#
    }

    private static let good = [
        #"{"pools": []}"#, pf(""), pf(#", "driversAutoprobe": true, "vfDriver": "vfio-pci", "vfs": []"#),
        pf(#", "vfs": [{"range": "0-3,5"}, {"range": 6, "vlan": 0}]"#),
        vf(#""mac": "52:54:00:11:22:33", "vlan": 100, "qos": 7, "protocol": "802.1ad", "trust": "on""#),
        vf(#""spoofCheck": false, "linkState": "disable", "minTxRate": 0, "maxTxRate": 4294967295"#),
        vf(#""vfDriver": "iavf""#), pf(#", "mtu": 9000, "linkUp": false"#),
        pf(#", "ports": [{"port": 1, "mtu": 68, "linkUp": "off"}, {"port": "p0s1"}, {"port": "l1p2"}]"#),
        pf("", select: #"{"addresses": ["0000:3b:00.0", "3b:00.1", "10000:01:1f.7"], "vendors": ["8086", 1572]}"#),
        pool(#"{"physicalFunctions": ["0000:3b:00.0#0-3,5"], "pfNames": ["ens1f0#2", "b"], "vfs": ["0-3", 5]}"#),
        pool(#"{"paths": ["0000:3a:00.0/00.0"], "macs": ["b8:ce:f6:00:00:01"], "classes": ["02", "0108", "010802"]}"#),
        pool(#"{"drivers": ["igb"], "devices": ["154c"], "numaNodes": [0], "kinds": ["virtual-function"]}"#),
        pool(#"{"numaNodes": [1]}"#, more: #", "choices": {"vlans": "0,100-199", "mac": false, "trust": "on"}"#),
        pool(#"{"numaNodes": [1]}"#, more: #", "choices": {"vlans": 300, "spoofCheckOff": true, "rates": false}"#),
        pool(#"{"numaNodes": [1]}"#, more: #", "numa": "required:1", "defaults": {"vlan": 5, "trust": false}"#),
    ]

    private static let bad = [
        "[]", #"{"pool": []}"#, #"{"pools": 3}"#, #"{"pools": [{"name": "a"}]}"#, #"{"pools": [{"select": {}}]}"#,
        #"{"physicalFunctions": [{"vfCount": 1}]}"#, pf(#", "vfCont": 1"#), pf(#", "driversAutoprobe": "maybe""#),
        pf("", select: "{}"), pf("", select: #"{"pfNames": ["a#0-3"]}"#), pf("", select: #"{"vfs": ["0"]}"#),
        pf(#", "vfs": [{"vlan": 5}]"#), vf(#""range": "3-""#), vf(#""vlan": 4095"#), vf(#""qos": 3"#),
        vf(#""vlan": 1, "qos": 8"#), vf(#""vlan": 1, "protocol": "802.1aq""#), vf(#""linkState": "Auto""#),
        pf(#", "ports": [{"mtu": 9000}]"#),
        pf(#", "ports": [{"port": "eth0"}]"#), pf(#", "ports": [{"port": 256}]"#), pf(#", "ports": [{"port": "2"}]"#),
        pf(#", "ports": [{"port": "pf0vf1"}]"#),
        pf(#", "mtu": 67"#), pf(#", "linkUp": "later""#), vf(#""maxTxRate": -1"#), vf(#""mac": "52:54""#),
        vf(#""vfDriver": """#), pf("", select: #"{"macs": []}"#),
        pool(#"{"addresses": ["eth0"]}"#), pool(#"{"addresses": ["3b:00.0#1"]}"#), pool(#"{"vendors": ["intel"]}"#),
        pool(#"{"physicalFunctions": ["3b:00.0#"]}"#), pool(#"{"vfs": ["0,,2"]}"#), pool(#"{"classes": ["net"]}"#),
        pool(#"{"paths": ["eth0"]}"#), pool(#"{"kinds": ["vf"]}"#), pool(#"{"numaNodes": [-1]}"#),
        pool(#"{"numaNodes": [0]}"#, more: #", "numa": "near""#),
        pool(#"{"numaNodes": [0]}"#, more: #", "choices": {"vlans": "100-"}"#),
        pool(#"{"numaNodes": [0]}"#, more: #", "choices": {"vlans": 4095}"#),
        pool(#"{"numaNodes": [0]}"#, more: #", "choices": {"vlan": 100}"#),
        pool(#"{"numaNodes": [0]}"#, more: #", "choices": {"trust": 1}"#),
        pool(#"{"numaNodes": [0]}"#, more: #", "defaults": {"mac": "52:54:00:11:22:33"}"#),
    ]

    @Test("what the reader takes, the schema takes")
    func accepted() throws {
        for text in Self.good { #expect(throws: Never.self, "\(text)") { try DesiredState(yaml: text, file: "a") } }
        let (status, lines) = try validate(Self.good)
        #expect(status == 0, "\(lines)")
    }

    @Test("what is wrong by itself, both refuse")
    func refused() throws {
        for text in Self.bad {
            #expect(throws: ConfigurationError.self, "\(text)") { try DesiredState(yaml: text, file: "a") }
        }
        let (status, lines) = try validate(Self.bad)
        #expect(status == 1, "\(lines)")
        for (index, text) in Self.bad.enumerated() { #expect(lines.contains("/\(index).json: "), "\(text)") }
    }

    @Test("the schema has the reader's keys, no more and no fewer")
    func keys() throws {
        let data = try Data(contentsOf: Self.root.appending(path: "docs/buslane.schema.json"))
        let schema = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let definitions = try #require(schema["$defs"] as? [String: [String: Any]])
        func keys(_ name: String) -> Set<String> {
            Set((definitions[name]?["properties"] as? [String: Any])?.keys.map { $0 } ?? [])
        }
        #expect(
            Set((schema["properties"] as? [String: Any])?.keys.map { $0 } ?? []) == Set(ConfigurationReader.topKeys))
        #expect(keys("selector") == Set(Selector.keys))
        #expect(keys("settings") == Set(VFSettings.sharedKeys))
        #expect(keys("virtualFunction") == Set(ConfigurationReader.vfKeys))
        #expect(keys("port") == Set(ConfigurationReader.portKeys))
        #expect(keys("physicalFunction") == Set(ConfigurationReader.pfKeys))
        #expect(keys("pool") == Set(ConfigurationReader.poolKeys))
        let pool = try #require(definitions["pool"]?["properties"] as? [String: [String: Any]])
        let choices = try #require(pool["choices"]?["properties"] as? [String: Any])
        #expect(Set(choices.keys) == Set(PoolChoices.keys))
    }

    @Test("every example of the reference is one")
    func documentation() throws {
        let text = try String(contentsOf: Self.root.appending(path: "docs/configuration.md"), encoding: .utf8)
        let examples = text.components(separatedBy: "```yaml\n").dropFirst().compactMap {
            $0.components(separatedBy: "```").first
        }
        #expect(!examples.isEmpty)
        for example in examples { _ = try DesiredState(yaml: example, file: "docs/configuration.md") }
    }
}
