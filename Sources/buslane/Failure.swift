// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import Glibc
import HostModel

/// An error that ends a command: one line, how to fix it where that is known, and the exit code.
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

    init(_ error: some Reportable) { self.init(ExitStatus(error.report.kind), ErrorBody(error).error) }

    /// Prints an error and ends the process with its exit code.
    static func exit(with error: any Error) -> Never {
        let failure: Failure
        switch error {
        case let known as Failure: failure = known
        case let error as any Reportable: failure = Failure(error)
        // The command has printed its result already.
        case let code as ExitCode: Glibc.exit(code.rawValue)
        default:
            let code = Control.exitCode(for: error)
            // Help and version come as errors too.
            if code.isSuccess {
                Terminal.out(Control.fullMessage(for: error) + "\n")
                Glibc.exit(0)
            }
            let message = Control.message(for: error).oneLine
            failure = Failure(
                .usage, "usage", subject: "command line", message, fix: "\(Self.helpCommand) lists the options")
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
        // The argument parser's messages begin with a capital; here they follow `error: `.
        guard let first = line.first, line.dropFirst().first?.isLowercase == true else { return line }
        return first.lowercased() + line.dropFirst()
    }
}
