// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import ErrorExamples
import HostModel
import Testing

@testable import buslane

@Suite("Errors as an exit code")
struct ExitStatusTests {
    @Test(
        "every kind has its exit code",
        arguments: [
            (.malformed, 64), (.notPermitted, 77), (.notFound, 1), (.conflict, 1), (.unprocessable, 1), (.failed, 1),
            (.noRoom, 1), (.notNow, 75), (.tooMany, 75), (.unreachable, 69),
        ] as [(ErrorKind, Int32)])
    func kinds(kind: ErrorKind, code: Int32) { #expect(buslane.ExitStatus(kind).rawValue == code) }

    @Test(
        "a status of the API becomes the command's exit code",
        arguments: [
            (400, 64), (401, 77), (403, 77), (404, 1), (409, 1), (422, 1), (500, 1), (408, 75), (429, 75), (502, 1),
            (503, 75), (507, 1),
        ] as [(Int, Int32)])
    func statuses(status: Int, code: Int32) {
        let detail = ErrorBody(code: "x", subject: "y", message: "z").error
        #expect(Failure(ControlError.refused(detail, status: status)).code.rawValue == code)
    }

    @Test("every refusal ends a command with the exit code of its kind", arguments: Refusal.examples)
    func refusals(refusal: Refusal) {
        let expected: Int32 =
            if refusal.isTemporary {
                75
            } else {
                switch refusal.code {
                case "count-out-of-range", "bad-mac", "mac-needs-one-function": 64
                case "not-permitted": 77
                default: 1
                }
            }
        let failure = Failure(refusal)
        #expect(failure.code.rawValue == expected)
        #expect(failure.detail.message == refusal.message && failure.detail.remedy == refusal.remedy)
    }

    @Test("every error on the way to the daemon has its exit code, and says how to fix it")
    func control() {
        let detail = ErrorBody(Refusal.noIOMMU).error
        let errors: [(ControlError, Int32)] = [
            (.unreachable(socket: "/s", reason: "no"), 69), (.notPermitted(socket: "/s"), 77),
            (.timedOut(socket: "/s"), 75), (.refused(detail, status: 409), 1), (.garbled("it is not valid JSON"), 1),
        ]
        for (error, code) in errors {
            #expect(Failure(error).code.rawValue == code)
            #expect(error.report.faults.isEmpty, "\(error.report.faults)")
            #expect(error.remedy != nil)
        }
        #expect(Failure(ControlError.refused(detail, status: 409)).detail == detail)
    }
}
