// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import FoundationEssentials
import Glibc
import SystemPackage

/// Standard input, output and error, as a command uses them.
enum Terminal {
    static func error(_ line: String) { _ = try? FileDescriptor.standardError.writeAll((line + "\n").utf8) }

    /// Ends the process when the output cannot be written: what comes after would be half an answer.
    static func out(_ bytes: some Sequence<UInt8>) {
        do {
            try FileDescriptor.standardOutput.writeAll(bytes)
        } catch {
            Self.error("error: cannot write the output: \(error)")
            exit(1)
        }
    }

    static func out(_ text: String) { out(text.utf8) }

    static var isInteractive: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1 }

    /// Columns of the terminal, 100 where there is none.
    static var width: Int {
        var size = winsize()
        // SAFETY: the kernel fills the structure, which lives until the call returns.
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
        return Int(size.ws_col)
    }

    /// How standard output is written to: colour on a terminal that wants it, lines where the locale has them.
    static let style = Style(
        width: max(40, width),
        isColoured: wantsColour(
            environment: ProcessInfo.processInfo.environment, isTerminal: isatty(STDOUT_FILENO) == 1),
        isUnicode: hasUnicode(environment: ProcessInfo.processInfo.environment))

    static func bold(_ text: String) -> String { style.bold(text) }

    /// Never to a file or a pipe, nor under `NO_COLOR` (no-color.org: present and not empty), nor on a dumb terminal.
    static func wantsColour(environment: [String: String], isTerminal: Bool) -> Bool {
        isTerminal && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
    }

    /// As the C library decides it: the first of these that is set and not empty names the character set.
    static func hasUnicode(environment: [String: String]) -> Bool {
        let named = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        let set = (named ?? "").lowercased()
        return set.contains("utf-8") || set.contains("utf8")
    }

    /// A file's text; `-` is standard input.
    static func read(_ file: String) throws -> String {
        let bytes: [UInt8]
        do {
            bytes = file == "-" ? try File.read(.standardInput) : try File.read(file)
        } catch {
            throw Failure(
                .refused, "unreadable", subject: file, "cannot read \(file): \(error)",
                fix: "check that it exists and that you may read it")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(.refused, "not-text", subject: file, "\(file) is not UTF-8 text")
        }
        return text
    }

    /// Asks on the terminal; no is the default.
    static func confirm(_ question: String) -> Bool {
        _ = try? FileDescriptor.standardError.writeAll("\(question) [y/N] ".utf8)
        return ["y", "yes"].contains(readLine()?.lowercased() ?? "")
    }
}
