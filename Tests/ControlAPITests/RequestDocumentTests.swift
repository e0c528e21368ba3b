// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Testing

@testable import ControlAPI

@Suite("Requests, read strictly")
struct RequestDocumentTests {
    @Test("every request declares the fields that it has")
    func declared() {
        func check<Request: RequestDocument>(_ request: Request) {
            let stored = Mirror(reflecting: request).children.compactMap(\.label)
            #expect(Request.CodingKeys.allCases.map(\.stringValue) == stored, "\(Request.self)")
        }
        check(AllocateRequest())
        check(AllocateRequest.Device(pool: "p"))
        check(ReleaseRequest(claims: [], owner: nil))
        check(RenewRequest(claims: []))
        check(RebindRequest(claim: "c1", target: .here))
        check(PlanRequest(configuration: nil))
        check(PlanRequest.ConfigurationText(file: "", text: ""))
        check(RecoverRequest(address: "0000:3b:00.0"))
        check(LedgerRestoreRequest(path: ""))
        check(InjectRequest(xml: ""))
        check(DomainDevicesRequest(domain: ""))
        check(EvictRequest(domain: ""))
        check(DomainNameRequest(domain: ""))
    }

    private func refusal<Request: RequestDocument>(_ type: Request.Type, _ text: String) -> String? {
        let error = #expect(throws: (any Error).self) { try JSON.decodeStrictly(type, from: Array(text.utf8)) }
        return (error as? MalformedDocument)?.description
    }

    @Test("an unknown field is named, with those that there are, in a document within another too")
    func unknown() {
        #expect(
            refusal(RecoverRequest.self, #"{"address": "0000:3b:00.0", "adress": 1}"#)
                == "field 'adress' of the request: there is no such field; expected address")
        #expect(
            refusal(PlanRequest.self, #"{"confirmed": true, "configuration": {"file": "a", "txt": ""}}"#)
                == "field 'configuration.txt' of the request: there is no such field; expected file, text")
        let second = #"{"devices": [{"pool": "a"}, {"pool": "b", "vlann": 2}]}"#
        #expect(refusal(AllocateRequest.self, second)?.hasPrefix("field 'devices[1].vlann' of the request: ") == true)
        // A misspelt field is reported rather than the one that is missing for it.
        #expect(
            refusal(RenewRequest.self, #"{"claim": ["c1"]}"#)
                == "field 'claim' of the request: there is no such field; expected claims")
    }

    @Test("a rebind names a function or says that it is there, and never both")
    func rebind() throws {
        func target(_ fields: String) throws -> Rebinding.Target {
            try JSON.decodeStrictly(RebindRequest.self, from: Array(#"{"claim": "c1"\#(fields)}"#.utf8)).target()
        }
        #expect(try target(#", "here": true"#) == .here)
        #expect(try target(#", "function": "0000:3b:10.0""#) == .function("0000:3b:10.0", device: nil))
        #expect(
            try target(#", "function": "0000:3b:10.0", "device": "data0""#)
                == .function("0000:3b:10.0", device: "data0"))
        for wrong in [
            "", #", "here": false"#, #", "here": true, "function": "0000:3b:10.0""#, #", "here": true, "device": "a""#,
        ] {
            #expect(throws: MalformedValue.self) { try target(wrong) }
        }
        #expect(throws: MalformedDocument.self) { try target(#", "function": "3b""#) }
        for kept in [Rebinding.Target.here, .function("0000:3b:10.0", device: "data0")] {
            #expect(try RebindRequest(claim: "c1", target: kept).target() == kept)
        }
    }

    @Test("what is no object is refused for what it is")
    func noObject() {
        for text in ["[]", "3", "null", #"{"devices": 3}"#, #"{"devices": [3]}"#, #"{"devices": {"pool": "a"}}"#] {
            #expect(throws: MalformedDocument.self, "\(text)") {
                try JSON.decodeStrictly(AllocateRequest.self, from: Array(text.utf8))
            }
        }
    }

    @Test("a line of a stream is one line, with its end")
    func line() throws {
        let line = String(decoding: try JSON.line(RenewRequest(claims: ["a\nb", "c"])), as: UTF8.self)
        #expect(line == #"{"claims":["a\nb","c"]}"# + "\n")
    }
}
