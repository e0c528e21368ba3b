// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Foundation
import HostModel
import Testing

@testable import ConfigurationFiles

/// docs/openapi.yaml has the limits of the fields for other programs; here they are compared with the code.
@Suite("The description of requests")
struct DescribedRequestTests {
    private let schemas: Schema

    /// One schema of the description, with its references resolved.
    private struct Schema {
        let node: YAMLNode
        let all: YAMLNode

        subscript(name: String) -> Schema? { node[name].map { Schema(node: $0, all: all).resolved } }
        func text(_ name: String) -> String? { node[name]?.string }
        func number(_ name: String) -> Int? { node[name]?.int }
        func words(_ name: String) -> [String] { node[name]?.sequence?.compactMap(\.string) ?? [] }

        private var resolved: Schema {
            guard let name = node["$ref"]?.string?.split(separator: "/").last,
                let target = all[String(name)]
            else { return self }
            return Schema(node: target, all: all)
        }

        /// The smallest and the largest number or length.
        func range(_ least: String, _ most: String) -> ClosedRange<Int>? {
            guard let end = number(most) else { return nil }
            return (number(least) ?? 0)...end
        }
    }

    /// The rule of `PrintableText`, as a pattern.
    private static let printable =
        #"^[^\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]*$"#

    init() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/openapi.yaml")
        let text = try String(contentsOf: file, encoding: .utf8)
        let all = try #require(try YAMLNode.document(in: text)?["components"]?["schemas"])
        schemas = Schema(node: all, all: all)
    }

    @Test(
        "each request is described, with the limits of each field",
        arguments: [
            (AllocateRequest.self, ["PoolClaimRequest", "DevicesClaimRequest"]),
            (AllocateRequest.Device.self, ["DeviceRequest"]), (ReleaseRequest.self, ["ReleaseRequest"]),
            (RenewRequest.self, ["RenewRequest"]), (RebindRequest.self, ["RebindRequest"]),
            (PlanRequest.self, ["PlanRequest"]),
            (PlanRequest.ConfigurationText.self, ["ConfigurationText"]), (RecoverRequest.self, ["RecoverRequest"]),
            (LedgerRestoreRequest.self, ["LedgerRestoreRequest"]), (InjectRequest.self, ["InjectRequest"]),
            (DomainDevicesRequest.self, ["DomainDevicesRequest"]), (EvictRequest.self, ["EvictRequest"]),
            (DomainNameRequest.self, ["DomainRequest"]), (HookRequest.self, ["HookCall"]),
        ] as [(any RequestDocument.Type, [String])])
    func requests(type: any RequestDocument.Type, names: [String]) throws {
        var described: Set<String> = []
        for name in names {
            let schema = try #require(schemas[name])
            #expect((schema.node["additionalProperties"]?.bool == false) != type.isOpen, "\(name)")
            let fields = try #require(schema.node["properties"]?.mapping).compactMap(\.key.string)
            described.formUnion(fields)
            for field in fields {
                let rule = try #require(type.rules[field], "\(name).\(field)")
                compare(try #require(schema["properties"]?[field]), with: rule, "\(name).\(field)")
            }
            let needs = (schema.node["dependentRequired"]?.mapping ?? []).map {
                ($0.key.string ?? "", $0.value.sequence?.first?.string ?? "")
            }
            if fields.contains("pool") { #expect(Dictionary(uniqueKeysWithValues: needs) == type.needs, "\(name)") }
        }
        #expect(described == Set(type.rules.keys))
    }

    private func compare(_ schema: Schema, with rule: FieldRule, _ place: String) {
        switch rule {
        case .line(let length):
            #expect(schema.range("minLength", "maxLength") == length, "\(place)")
            #expect(schema.text("pattern") == Self.printable, "\(place)")
        case .text: #expect(schema.number("maxLength") == RequestLimits.body, "\(place)")
        case .value(let type): compare(schema, with: type, place)
        case .number(let range, _):
            #expect(schema.text("type") == "integer" && schema.range("minimum", "maximum") == range, "\(place)")
        case .vlan:
            let choices = schema.node["oneOf"]?.sequence ?? []
            #expect(choices.count == 2)
            for choice in choices {
                let choice = Schema(node: choice, all: schema.all)
                guard choice.text("type") == "string" else {
                    compare(choice, with: .number(VLANID.range), place)
                    continue
                }
                compare(choice, with: VLANID.self, place)
            }
        case .flag: #expect(schema.text("type") == "boolean", "\(place)")
        case .choice(let words): #expect(schema.words("enum").sorted() == words.sorted(), "\(place)")
        case .list(let length, let rule):
            #expect(schema.text("type") == "array", "\(place)")
            #expect(schema.range("minItems", "maxItems") == length, "\(place)")
            if let items = schema["items"] {
                compare(items, with: rule, place + "[]")
            } else {
                Issue.record("\(place)")
            }
        case .document: #expect(schema.text("type") == "object", "\(place)")
        }
    }

    /// The pattern matches what the type reads, and nothing else.
    private func compare(_ schema: Schema, with type: any TextCodable.Type, _ place: String) {
        guard let text = schema.text("pattern"), let pattern = try? Regex(text) else {
            Issue.record("\(place) has no pattern")
            return
        }
        let longest = schema.number("maxLength") ?? 0
        var both = (read: 0, refused: 0)
        for sample in Self.samples {
            let isDescribed =
                (try? pattern.wholeMatch(in: sample)) != nil && !sample.isEmpty
                && sample.unicodeScalars.count <= longest
            let isRead = Self.reads(sample, as: type)
            #expect(isDescribed == isRead, "\(place): '\(sample)'")
            if isRead { both.read += 1 } else { both.refused += 1 }
        }
        #expect(both.read > 2 && both.refused > 20, "\(place)")
    }

    private static func reads(_ text: String, as type: any TextCodable.Type) -> Bool {
        guard let value = try? type.init(text) else { return false }
        // The model refuses these two for each VF.
        guard let mac = value as? MACAddress else { return true }
        return !mac.isMulticast && !mac.isZero
    }

    /// Texts that some of the types read, and the same with a small fault.
    private static let samples: [String] = {
        let good = [
            "none", "preferred", "required:1", "socket:9999", "socket:10000", "required:", "required:+1", "none:1",
            "0000:3b:10.2", "3b:10.2", "10000:00:1f.7", "00000000f:0:0.0", "0000:3b:20.0", "0000:3b:1.8", "1:2:3.4",
            "52:54:00:11:22:33", "00:00:00:00:00:00", "01:00:5e:00:00:01", "AA:bb:CC:dd:EE:0f", "52:54:00:11:22",
            "1", "9", "10", "99", "100", "999", "1000", "3999", "4000", "4089", "4090", "4094", "4095", "5000", "0",
            "007",
            "+5", "-1", "data0", "a_b-C", String(repeating: "n", count: 40), String(repeating: "n", count: 41),
            "domain:fw 1", "domain:", "domain:6f9619ff-8b86-d011-b42d-00c04fc964ff", "unit:a.service", "unit:a",
            "unit:service", "unit:a b.service", "unit:.service", "unit:a@0.slice", "unit:a.exe", "process:4@17",
            "process:0@17", "process:4", "pid:12", "pid:0", "pid:012", "pid:x", "uplink:1", "domainx:1", "a b",
            "rœuter", "a\u{202e}b", "a\u{9b}b", "a\u{2028}b", "domain:a\u{2029}b", "a\u{feff}", "domain:\u{85}",
            "", " ", "x y\n", "０", "Ａ", String(repeating: "o", count: 200), String(repeating: "o", count: 201),
            "domain:" + String(repeating: "o", count: 193), "domain:" + String(repeating: "o", count: 194),
        ]
        return Set(good.flatMap { text in [text, text + "\n", text + ":", " " + text, text + "x", text.uppercased()] })
            .sorted()
    }()
}

extension YAMLNode {
    /// The value of a key of a mapping.
    fileprivate subscript(key: String) -> YAMLNode? { mapping?.first { $0.key.string == key }?.value }
}
