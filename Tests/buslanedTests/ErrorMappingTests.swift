// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import ControlAPI
import DomainPlanning
import DomainXML
import ErrorExamples
import GRDB
import HostIO
import HostModel
import HostSimulator
import Ledger
import Libvirt
import NIOHTTP1
import Testing

@testable import buslaned

@Suite("Errors as a status and a code")
struct ErrorMappingTests {
    private struct Unforeseen: Error {}

    @Test("what has to wait ends a command with 75", arguments: [408, 429, 503])
    func temporary(status: Int) { #expect(ErrorKind(httpStatus: status).isTemporary) }

    @Test(
        "every type of error has its own status and code",
        arguments: [
            (Refusal.claim("c9", .unknown), 404, "unknown-claim"),
            (Refusal.pool("x", .unknown(known: [])), 404, "unknown-pool"),
            (Refusal.request(.countOutOfRange(0)), 400, "count-out-of-range"),
            (Refusal.function(Scene.card, .heldByClaim(claim: "c1", owner: "a")), 409, "held-by-claim"),
            (Refusal.pool("p", .exhausted(wanted: 1, free: 0, total: 0, reasons: [])), 503, "no-capacity"),
            (ConfigurationError(at: Place(file: "a.yaml", line: 3, column: 1), "no"), 422, "bad-configuration"),
            (DomainXMLError.notADomain(root: "network"), 422, "bad-domain-xml"),
            (MalformedValue(kind: "MAC address", text: "x", expected: "y"), 400, "malformed"),
            (Executor.Failure(action: .reset(Scene.card), reason: "no", notUndone: []), 409, "step-failed"),
            (ConfirmationNeeded(blastRadius: BlastRadius(functions: [Scene.card])), 409, "confirmation-needed"),
            (LibvirtError.noSuchDomain("x"), 404, "unknown-domain"),
            (LibvirtError.noAnswer(uri: "x", after: .seconds(1)), 503, "libvirt-not-answering"),
            (LibvirtError.unreachable(uri: "x", reason: "y"), 503, "libvirt-unreachable"),
            (LibvirtError.connectionLost(reason: "y"), 503, "libvirt-lost"),
            (LibvirtError.refused(code: 1, domain: 2, message: "y"), 409, "libvirt"),
            (LedgerFile.Trouble.newer("x"), 409, "ledger"),
            (RequestRefusal.unknownPath("/v1/claim"), 404, "http"),
            (RequestRefusal.unknownMethod(.put, path: "/v1/pools", allowed: [.get]), 405, "method-not-allowed"),
            (RequestRefusal.tooLarge(limit: 8 << 20), 413, "http"),
            (SilentUserDatabase(uid: 1000), 503, "user-database"),
            (RequestRefusal.tooSlow(seconds: 10), 408, "request-timeout"),
            (HTTPParserError.invalidChunkSize, 400, "http"),
            (RequestRefusal.tooMany(.connection, user: 1000, limit: 9), 429, "too-many-connections"),
            (RequestRefusal.tooMany(.request, user: 1000, limit: 9), 429, "too-many-requests"),
            (RequestRefusal.tooMany(.bodyByte, user: 1000, limit: 9), 429, "too-much-sent"),
            (RequestRefusal.tooMany(.waitingClaim, user: 1000, limit: 9), 429, "too-many-waiting"),
            (RequestRefusal.tooMany(.stream, user: nil, limit: 9), 429, "too-many-streams"),
            (HostIOError.vanished(Scene.card), 500, "internal"),
            (DatabaseError(resultCode: .SQLITE_FULL, message: "database or disk is full"), 507, "disk-full"),
            (DatabaseError(resultCode: .SQLITE_IOERR, message: "disk I/O error"), 500, "internal"),
            (Inconsistency("one is two"), 500, "internal"),
            (Unforeseen(), 500, "internal"),
        ] as [(any Error, Int, String)])
    func answers(error: any Error, status: Int, code: String) {
        let answer = ErrorMapping.answer(to: error)
        #expect(answer.0.code == status)
        #expect(answer.1.error.code == code)
        #expect(!answer.1.error.subject.isEmpty)
        #expect(!answer.1.error.message.contains("Unforeseen"))
    }

    /// The codes of refusals that have another status than 409.
    private static let statuses = [
        "unknown-function": 404, "unknown-pool": 404, "unknown-claim": 404, "unknown-process": 404,
        "not-permitted": 403, "count-out-of-range": 400, "bad-mac": 400, "mac-needs-one-function": 400,
        "no-capacity": 503, "no-capacity-on-node": 503, "no-capacity-on-cards": 503, "no-capacity-together": 503,
        "awaited": 503, "guest-starting": 503, "claim-changing": 503, "domain-paused": 503, "guest-refused": 503,
        "guest-silent": 503, "memory-in-use": 503, "may-be-starting": 503, "hugepages-in-use": 503,
        "claim-has-moved": 503,
    ]

    @Test("every refusal has the status of its kind, and the status leads to the kind", arguments: Refusal.examples)
    func refusals(refusal: Refusal) {
        let (status, body) = ErrorMapping.answer(to: refusal)
        #expect(status.code == Self.statuses[refusal.code] ?? 409)
        #expect(ErrorKind(httpStatus: status.code) == refusal.report.kind)
        #expect(body.error.remedy == refusal.remedy)
    }

    @Test("every case of the other types has an example")
    func complete() {
        #expect(LibvirtError.missing.isEmpty)
        #expect(LedgerFile.Trouble.missing.isEmpty)
        #expect(HostIOError.missing.isEmpty)
        #expect(DomainXMLError.missing.isEmpty)
    }

    private static var others: [any Reportable] {
        let types: [[any Reportable]] = [
            LibvirtError.examples, LedgerFile.Trouble.examples, HostIOError.examples,
            DomainXMLError.examples,
        ]
        return types.flatMap(\.self) + single
    }

    private static let single: [any Reportable] =
        [
            ConfigurationError(at: Place(file: "a.yaml", line: 3, column: 1), "expected a list"),
            MalformedValue(kind: "MAC address", text: "x", expected: "six octets"),
            Executor.Failure(action: .reset(Scene.card), reason: "no", notUndone: []),
            ConfirmationNeeded(blastRadius: BlastRadius(interfaces: ["ens1v0"], functions: [Scene.card])),
            DatabaseError(resultCode: .SQLITE_FULL, message: "database or disk is full"),
            DatabaseError(resultCode: .SQLITE_IOERR, message: "disk I/O error"),
            MisalignedDomain([
                Misalignment(part: .memory, place: .nodes(NumberSet([0])), device: DeviceNode(name: "data0", node: 1))
            ]),
            DomainTrouble.notClaimed(["data0"], of: "fw1"), DomainTrouble.changesAfterStop("data0", of: "fw1"),
            DomainTrouble.noPort(of: "fw1", wanted: 2, free: 1),
            Inconsistency("the ledger made no claim for one request"), UnexpectedError(),
            SilentUserDatabase(uid: 1000), RequestRefusal.unknownPath("/v1/claim"),
            RequestRefusal.tooLarge(limit: 8 << 20),
            RequestRefusal.unknownMethod(.put, path: "/v1/claims", allowed: [.get, .head, .post]),
            RequestRefusal.tooSlow(seconds: 10), RequestRefusal.notHTTP,
            SocketLock.Trouble.ofAnotherDaemon("/run/a.sock"), SocketLock.Trouble.ofAnotherProgram("/run/a.sock"),
        ]
        + ClientLoad.Resource.allCases.flatMap { resource -> [any Reportable] in
            [UInt32?.none, 1000].map { RequestRefusal.tooMany(resource, user: $0, limit: 9) }
        }

    @Test("each error says what is wrong and how to fix it, without type names", arguments: others.map { $0.report })
    func texts(report: ErrorReport) { #expect(report.faults.isEmpty, "\(report.faults)") }

    @Test("every kind follows from its status", arguments: ErrorKind.allCases)
    func kinds(kind: ErrorKind) {
        // The daemon never sends `unreachable`: nothing answered.
        #expect(ErrorKind(httpStatus: kind.status.code) == (kind == .unreachable ? .notNow : kind))
    }

    @Test(
        "the error of a malformed request names the field, the expected and the received value",
        arguments: [
            ("{", "the request cannot be read: it is not valid JSON"),
            (#"{"pool": 3}"#, "field 'pool' of the request: expected a string, got a number"),
            (#"{"pool": "p", "count": "two"}"#, "field 'count' of the request: expected a whole number, got a string"),
            (#"{"pool": "p", "devices": {}}"#, "field 'devices' of the request: expected a list, got an object"),
            (#"{"devices": [{"name": "a"}]}"#, "field 'devices[0].pool' of the request: this field is required"),
            (
                #"{"devices": [{"pool": "p"}, {"pool": "p", "vlan": 5000}]}"#,
                "field 'devices[1].vlan' of the request: '5000' is not a VLAN id: expected a number from 1 to 4094"
            ),
        ])
    func malformed(text: String, message: String) {
        do {
            _ = try JSON.decode(AllocateRequest.self, from: Array(text.utf8))
            Issue.record("decoded")
        } catch {
            let answer = ErrorMapping.answer(to: error)
            #expect(answer.0.code == 400 && answer.1.error.code == "malformed")
            #expect(answer.1.error.message == message)
        }
    }
}
