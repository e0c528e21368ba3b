// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import FoundationEssentials
import Glibc
import PrintableText
import SystemPackage

/// Standard input, output and error.
enum Terminal {
    /// One line of text for people.
    static func error(_ line: String) {
        _ = try? FileDescriptor.standardError.writeAll((line.printable + "\n").utf8)
    }

    /// One line of text for people.
    static func line(_ text: String) { out(text.printable + "\n") }

    /// Ends the process if the output cannot be written: half an answer would mislead its reader.
    static func out(_ bytes: some Sequence<UInt8>) {
        do {
            try FileDescriptor.standardOutput.writeAll(bytes)
        } catch {
            Self.error("error: cannot write the output: \(error)")
            exit(1)
        }
    }

    /// Text that was made line by line of printable parts. It can have colours.
    static func out(_ text: String) { out(text.utf8) }

    static var isInteractive: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1 }

    /// Columns of the terminal; 100 without one.
    static var width: Int {
        var size = winsize()
        // SAFETY: the kernel fills the structure, which lives until the call returns.
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
        return Int(size.ws_col)
    }

    /// The style of standard output, by its terminal and the locale.
    static let style = Style(
        width: max(40, width),
        isColoured: wantsColour(
            environment: ProcessInfo.processInfo.environment, isTerminal: isatty(STDOUT_FILENO) == 1),
        isUnicode: hasUnicode(environment: ProcessInfo.processInfo.environment))

    static func bold(_ text: String) -> String { style.bold(text) }

    /// No colour in files and pipes, on a dumb terminal, and with `NO_COLOR` (no-color.org: present and not empty).
    static func wantsColour(environment: [String: String], isTerminal: Bool) -> Bool {
        isTerminal && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
    }

    /// As in locale(7): the first of these variables that is set and not empty names the character set.
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

    /// Asks a question on the terminal; the default is no.
    static func confirm(_ question: String) -> Bool {
        _ = try? FileDescriptor.standardError.writeAll("\(question.printable) [y/N] ".utf8)
        return ["y", "yes"].contains(readLine()?.lowercased() ?? "")
    }
}
