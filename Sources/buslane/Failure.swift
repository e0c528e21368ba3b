// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import Glibc
import HostModel

/// How a command ends when it does not end well: one line, the fix where there is one, and the code of the contract.
struct Failure: Error {
    let code: ExitStatus
    let detail: ErrorBody.Detail

    init(_ code: ExitStatus, _ detail: ErrorBody.Detail) {
        self.code = code
        self.detail = detail
    }

    init(_ code: ExitStatus, _ name: String, subject: String, _ message: String, fix: String? = nil) {
        self.init(code, .init(code: name, subject: subject, message: message, remedy: fix))
    }

    /// What went wrong on the way to the daemon, or what it answered.
    init(_ error: ControlError) {
        switch error {
        case .unreachable(let socket, _):
            self.init(
                .daemonUnreachable, "daemon-unreachable", subject: socket, "no daemon answers at \(socket)",
                fix: "systemctl start buslaned")
        case .notPermitted(let socket):
            self.init(
                .notPermitted, "not-permitted", subject: socket, "no permission to use \(socket)",
                fix: "run as root, or join the group buslane")
        case .timedOut(let socket):
            self.init(
                .notNow, "timed-out", subject: socket, "the daemon at \(socket) did not answer in time",
                fix: "try again; journalctl -u buslaned tells what it is doing")
        case .refused(let detail, let status): self.init(ExitStatus(httpStatus: status), detail)
        case .garbled(let what):
            self.init(
                .refused, "garbled-answer", subject: "daemon", "the daemon's answer is not understood: \(what)",
                fix: "see that buslane and buslaned are of one version")
        }
    }

    /// Prints any error as the contract has it, and ends the process.
    static func exit(with error: any Error) -> Never {
        let failure: Failure
        switch error {
        case let known as Failure: failure = known
        case let error as ControlError: failure = Failure(error)
        // The command has said what there is to say.
        case let code as ExitCode: Glibc.exit(code.rawValue)
        default:
            let code = Control.exitCode(for: error)
            // Help and version come as errors too.
            if code.isSuccess {
                print(Control.fullMessage(for: error))
                Glibc.exit(0)
            }
            let message = Control.message(for: error).oneLine
            failure = Failure(
                .usage, "usage", subject: "command line", message, fix: "\(Self.helpCommand) lists what it takes")
        }
        failure.write()
        Glibc.exit(failure.code.rawValue)
    }

    private func write() {
        if CommandLine.arguments.contains("--json") {
            let body = ErrorBody(
                code: detail.code, subject: detail.subject, message: detail.message, remedy: detail.remedy)
            if let bytes = try? JSON.encode(body, pretty: false) {
                Terminal.error(String(decoding: bytes, as: UTF8.self))
            }
            return
        }
        Terminal.error("error: \(detail.message.oneLine)")
        if let remedy = detail.remedy { Terminal.error("  fix: \(remedy.oneLine)") }
    }

    private static var helpCommand: String {
        let verbs = CommandLine.arguments.dropFirst().prefix { !$0.hasPrefix("-") }
        let known = Control.configuration.subcommands.compactMap { $0.configuration.commandName }
        guard let verb = verbs.first, known.contains(verb) else { return "buslane --help" }
        return "buslane \(verb) --help"
    }
}

extension String {
    fileprivate var oneLine: String {
        let line = split(whereSeparator: \.isNewline).joined(separator: " ")
        // A sentence of the parser's begins like one; an error line goes on after its colon.
        guard let first = line.first, line.dropFirst().first?.isLowercase == true else { return line }
        return first.lowercased() + line.dropFirst()
    }
}
