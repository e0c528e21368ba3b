// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Foundation

/// Standard input, output and error, as a command uses them.
enum Terminal {
    static func error(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }

    static func out(_ bytes: [UInt8]) { FileHandle.standardOutput.write(Data(bytes)) }

    static var isInteractive: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1 }

    /// Columns of the terminal, 100 where there is none.
    static var width: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
        return Int(size.ws_col)
    }

    /// Bold and dim on a terminal that wants it; nothing elsewhere, nor under `NO_COLOR`.
    static let styled =
        isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR", default: ""].isEmpty

    static func bold(_ text: String) -> String { styled ? "\u{1b}[1m\(text)\u{1b}[0m" : text }

    /// A file's text; `-` is standard input.
    static func read(_ file: String) throws -> String {
        let data =
            file == "-" ? FileHandle.standardInput.readDataToEndOfFile() : FileManager.default.contents(atPath: file)
        guard let data else {
            throw Failure(
                .refused, "unreadable", subject: file, "cannot read \(file)", fix: "see that it exists and is readable")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw Failure(.refused, "not-text", subject: file, "\(file) is not UTF-8 text")
        }
        return text
    }

    /// Asks on the terminal; no is the default.
    static func confirm(_ question: String) -> Bool {
        FileHandle.standardError.write(Data("\(question) [y/N] ".utf8))
        return ["y", "yes"].contains(readLine()?.lowercased() ?? "")
    }
}

/// The one gate through which every list goes out.
enum Output {
    /// - Parameters:
    ///   - ids: what `--quiet` prints, a line each.
    static func list(
        _ document: some Encodable, _ format: FormatOptions, ids: [String], table: @autoclosure () -> Table
    ) throws {
        if format.json {
            Terminal.out(try JSON.encode(document) + [0x0a])
        } else if format.quiet {
            ids.forEach { print($0) }
        } else {
            print(table().rendered(width: Terminal.width), terminator: "")
        }
    }
}
