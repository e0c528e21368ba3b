// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI

/// The one gate through which every list goes out.
enum Output {
    /// - Parameters:
    ///   - ids: what `--quiet` prints, a line each.
    static func list(
        _ document: some Encodable, _ format: FormatOptions, ids: @autoclosure () -> [String],
        table: @autoclosure () -> Table
    ) throws {
        try list(document, format, ids: ids()) { table().rendered($0) }
    }

    /// - Parameters:
    ///   - ids: what `--quiet` prints, a line each.
    ///   - text: what a person reads, in whole lines.
    static func list(
        _ document: some Encodable, _ format: FormatOptions, ids: @autoclosure () -> [String],
        text: (Style) -> String
    ) throws {
        if format.json {
            Terminal.out(try JSON.encode(document) + [0x0a])
        } else if format.quiet {
            Terminal.out(ids().map { $0.printable + "\n" }.joined())
        } else {
            Terminal.out(text(Terminal.style))
        }
    }
}
