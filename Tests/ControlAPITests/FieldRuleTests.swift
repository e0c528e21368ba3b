// SPDX-License-Identifier: GPL-3.0-or-later
import ErrorExamples
import HostModel
import Testing

@testable import ControlAPI

@Suite("What the fields of requests can have")
struct FieldRuleTests {
    static let documents: [any RequestDocument.Type] = [
        AllocateRequest.self, AllocateRequest.Device.self, ReleaseRequest.self, RenewRequest.self, PlanRequest.self,
        PlanRequest.ConfigurationText.self, RecoverRequest.self, LedgerRestoreRequest.self, InjectRequest.self,
        RebindRequest.self, DomainDevicesRequest.self, EvictRequest.self, DomainNameRequest.self, HookRequest.self,
    ]

    private static func refusal(of text: String, as type: any RequestDocument.Type) -> MalformedDocument? {
        func decoded<Document: RequestDocument>(_ type: Document.Type) throws {
            _ = try JSON.decodeStrictly(type, from: Array(text.utf8))
        }
        do {
            try decoded(type)
            return nil
        } catch let error as DecodingError {
            return MalformedDocument(error)
        } catch {
            return error as? MalformedDocument
        }
    }

    /// JSON values, and what they are called.
    private static let values = [
        ("null", "null"), ("true", "true or false"), ("3", "a number"), ("\"x\"", "a string"), ("[]", "a list"),
        ("{}", "an object"),
    ]

    private static func takes(_ rule: FieldRule, _ kind: String) -> Bool {
        switch rule {
        case .line, .text, .value, .choice: kind == "a string"
        case .number: kind == "a number"
        case .vlan: kind == "a number" || kind == "a string"
        case .flag: kind == "true or false"
        case .list: kind == "a list"
        case .document: kind == "an object"
        }
    }

    @Test("a value of another type is refused by its field's name, for each field of each request")
    func types() throws {
        var tried = 0
        for document in Self.documents {
            for (field, rule) in document.rules {
                for (value, kind) in Self.values where !Self.takes(rule, kind) {
                    let error = try #require(Self.refusal(of: "{\"\(field)\": \(value)}", as: document))
                    #expect(error.field == field && error.report.faults.isEmpty, "\(error.report.faults)")
                    #expect(error.message.hasPrefix("field '\(field)' of the request: expected "))
                    #expect(error.message.hasSuffix(", got \(kind)"), "\(error.message)")
                    tried += 1
                }
            }
            for (value, kind) in Self.values where kind != "an object" {
                let error = try #require(Self.refusal(of: value, as: document))
                #expect(error.message == "the request cannot be read: expected an object, got \(kind)")
            }
        }
        #expect(tried > 250)
    }

    @Test("an unknown field is named with its path, and a missing one too", arguments: documents.indices)
    func fields(index: Int) throws {
        let document = Self.documents[index]
        if !document.isOpen {
            let unknown = try #require(Self.refusal(of: #"{"colour": 1}"#, as: document))
            #expect(unknown.field == "colour" && unknown.problem.hasPrefix("there is no such field; expected "))
        }
        if let missing = Self.refusal(of: "{}", as: document) {
            #expect(document.rules[missing.field] != nil && missing.problem == "this field is required")
        } else {
            #expect(ObjectIdentifier(document) == ObjectIdentifier(AllocateRequest.self))
        }
    }

    @Test(
        "the error says which part of a nested document is wrong, and how",
        arguments: [
            (#"{"count": 0}"#, "field 'count' of the request: 0 is less than 1"),
            (#"{"count": 65537}"#, "field 'count' of the request: 65537 is more than 65536"),
            (#"{"count": 1.5}"#, "field 'count' of the request: expected a whole number, got 1.5"),
            (#"{"count": 1e300}"#, "field 'count' of the request: the number is out of range"),
            (#"{"ttlSeconds": 99999999999}"#, "field 'ttlSeconds' of the request: 99999999999 is more than 31536000"),
            (#"{"devices": []}"#, "field 'devices' of the request: it has 0 entries, fewer than 1"),
            (#"{"devices": [3]}"#, "field 'devices[0]' of the request: expected an object, got a number"),
            (
                #"{"devices": [{"pool": "p"}, {"pool": "p", "vlan": 5000}]}"#,
                "field 'devices[1].vlan' of the request: '5000' is not a VLAN id: expected a number from 1 to 4094"
            ),
            (
                #"{"devices": [{"pool": "p", "qos": 8, "vlan": 2}]}"#,
                "field 'devices[0].qos' of the request: 8 is more than 7"
            ),
            (
                #"{"devices": [{"pool": "p", "qos": 7}]}"#,
                "field 'devices[0].qos' of the request: it needs 'vlan' as well"
            ),
            (
                #"{"devices": [{"pool": "p", "linkState": "up"}]}"#,
                "field 'devices[0].linkState' of the request: 'up' is not one of auto, enable, disable"
            ),
            (#"{"devices": [{"name": "a"}]}"#, "field 'devices[0].pool' of the request: this field is required"),
            (#"{"pool": ""}"#, "field 'pool' of the request: it is empty"),
            (
                #"{"pool": "a\u0000b"}"#,
                "field 'pool' of the request: it has a line break or another unprintable character"
            ),
            (
                #"{"pool": "p", "name": "a b"}"#,
                "field 'name' of the request: 'a b' is not a device name: expected 1 to 40 of A-Z, a-z, 0-9, _ and -"
            ),
            (#"{"pool": 3}"#, "field 'pool' of the request: expected a string, got a number"),
        ])
    func texts(request: String, message: String) {
        let error = Self.refusal(of: request, as: AllocateRequest.self)
        #expect(error?.message == message)
        #expect(error?.report.faults == [])
    }

    @Test("a long text is shortened in the error, and a long line is counted")
    func long() {
        let text = String(repeating: "é", count: 300)
        let pool = Self.refusal(of: #"{"pool": "\#(text)"}"#, as: AllocateRequest.self)
        #expect(pool?.problem == "it has 300 characters, more than 255")
        let spread = Self.refusal(of: #"{"spread": "\#(text)"}"#, as: AllocateRequest.self)
        #expect((spread?.message.count ?? 999) < 150)
        let owner = Self.refusal(of: #"{"owner": "\#(text)"}"#, as: AllocateRequest.self)
        #expect((owner?.message.count ?? 999) < 250)
    }

    @Test("the code for a count stays, whoever finds it")
    func countCode() {
        #expect(Self.refusal(of: #"{"count": 0}"#, as: AllocateRequest.self)?.code == "count-out-of-range")
        #expect(Refusal.request(.countOutOfRange(0)).code == "count-out-of-range")
    }

    @Test("a call of a later hook may have more fields")
    func later() {
        let call = #"{"domain": "a", "operation": "prepare", "reason": "", "xml": "<domain/>", "shutoffReason": "x"}"#
        #expect(Self.refusal(of: call, as: HookRequest.self) == nil)
    }
}
