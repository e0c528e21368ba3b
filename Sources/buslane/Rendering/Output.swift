// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import PrintableText

/// Prints documents and lists, for people and for programs.
enum Output {
    /// A document for programs.
    static func json(_ document: some Encodable) throws {
        Terminal.out(try JSON.encode(document) + [UInt8(ascii: "\n")])
    }

    /// - Parameters:
    ///   - ids: for `--quiet`, one a line.
    static func list(
        _ document: some Encodable, _ format: FormatOptions, ids: @autoclosure () -> [String],
        table: @autoclosure () -> Table
    ) throws {
        try list(document, format, ids: ids()) { table().rendered($0) }
    }

    /// - Parameters:
    ///   - ids: for `--quiet`, one a line.
    ///   - text: for people, in whole lines.
    static func list(
        _ document: some Encodable, _ format: FormatOptions, ids: @autoclosure () -> [String],
        text: (Style) -> String
    ) throws {
        if format.json {
            try json(document)
        } else if format.quiet {
            Terminal.out(ids().map { $0.printable + "\n" }.joined())
        } else {
            Terminal.out(text(Terminal.style))
        }
    }
}
