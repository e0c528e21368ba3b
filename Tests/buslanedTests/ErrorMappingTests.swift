// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import ControlAPI
import DomainXML
import HostModel
import HostSimulator
import Libvirt
import Testing

@testable import buslaned

@Suite("What went wrong, as a status and a code")
struct ErrorMappingTests {
    private struct Unforeseen: Error {}

    @Test(
        "every kind of error has its own",
        arguments: [
            (Refusal.unknownClaim("c9"), 404, "unknown-claim", ControlAPI.ExitStatus.refused),
            (Refusal.unknownPool("x", known: []), 404, "unknown-pool", .refused),
            (Refusal.countOutOfRange(0), 400, "count-out-of-range", .usage),
            (Refusal.badMAC(MACAddress(rawValue: 0)), 400, "bad-mac", .usage),
            (Refusal.heldByClaim(Scene.card, claim: "c1", owner: "a"), 409, "held-by-claim", .refused),
            (Refusal.deviceNameTaken("data0", owner: "a", claim: "c1"), 409, "device-name-taken", .refused),
            (Refusal.noIOMMU, 409, "no-iommu", .refused),
            (
                Refusal.poolExhausted(pool: "p", wanted: 1, free: 0, total: 0, reasons: []), 503, "no-capacity",
                .notNow
            ),
            (
                Refusal.nodeExhausted(pool: "p", policy: .none, wanted: 1, freeByNode: []), 503,
                "no-capacity-on-node", .notNow
            ),
            (
                ConfigurationError(at: Place(file: "a.yaml", line: 3, column: 1), "no"), 422, "bad-configuration",
                .refused
            ),
            (DomainXMLError.notADomain(root: "network"), 422, "bad-domain-xml", .refused),
            (MalformedValue(kind: "MAC address", text: "x", expected: "y"), 400, "malformed", .usage),
            (
                Executor.Failure(action: .reset(Scene.card), reason: "no", notUndone: []), 409, "step-failed",
                .refused
            ),
            (
                ConfirmationNeeded(blastRadius: BlastRadius(functions: [Scene.card])), 409, "confirmation-needed",
                .refused
            ),
            (LibvirtError.noSuchDomain("x"), 404, "unknown-domain", .refused),
            (LibvirtError.noAnswer(uri: "x", after: .seconds(1)), 503, "libvirt-not-answering", .notNow),
            (LibvirtError.unreachable(uri: "x", reason: "y"), 503, "libvirt-unreachable", .notNow),
            (LibvirtError.connectionLost(reason: "y"), 503, "libvirt-lost", .notNow),
            (LibvirtError.refused(code: 1, domain: 2, message: "y"), 409, "libvirt", .refused),
            (Unforeseen(), 500, "internal", .refused),
        ] as [(any Error, Int, String, ControlAPI.ExitStatus)])
    func answers(error: any Error, status: Int, code: String, exit: ControlAPI.ExitStatus) {
        let answer = ErrorMapping.answer(to: error)
        #expect(answer.0.code == status)
        #expect(answer.1.error.code == code)
        #expect(ControlAPI.ExitStatus(httpStatus: answer.0.code) == exit)
        #expect(!answer.1.error.subject.isEmpty)
        #expect(!answer.1.error.message.isEmpty && !answer.1.error.message.contains("\n"))
    }

    @Test("a request that is not JSON is the caller's mistake")
    func notJSON() {
        do {
            _ = try JSON.decode(AllocateRequest.self, from: Array("{".utf8))
            Issue.record("decoded")
        } catch {
            #expect(ErrorMapping.answer(to: error).0.code == 400)
        }
    }
}
