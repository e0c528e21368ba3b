// SPDX-License-Identifier: GPL-3.0-or-later
import CWidth
import Glibc

/// What the terminal can show.
struct Style: Sendable {
    /// Columns; no line of a list or a picture is longer.
    var width: Int
    /// Colour and weight. They never carry a meaning by themselves.
    var isColoured = false
    /// Box-drawing characters; otherwise ASCII.
    var isUnicode = true

    /// For files and pipes.
    static let plain = Style(width: 100)

    enum Ink: String {
        case bold = "1"
        case dim = "2"
        case green = "32"
        case yellow = "33"
        case claimed = "1;36"
    }

    func ink(_ ink: Ink, _ text: String) -> String {
        isColoured && !text.isEmpty ? "\u{1b}[\(ink.rawValue)m\(text)\u{1b}[0m" : text
    }

    func bold(_ text: String) -> String { ink(.bold, text) }

    var ellipsis: String { isUnicode ? "…" : "~" }
    /// Before a child in a tree, before the last one, and below a child.
    var branch: (middle: String, last: String, through: String) {
        isUnicode ? ("├─ ", "└─ ", "│  ") : ("|- ", "`- ", "|  ")
    }

    /// The text, cut with an ellipsis if it is wider.
    func clipped(_ text: String, to width: Int) -> String {
        guard text.columns > width else { return text }
        var kept = ""
        var room = width - 1
        for character in text {
            room -= String(character).columns
            guard room >= 0 else { break }
            kept.append(character)
        }
        return kept + ellipsis
    }

    /// The text, cut or filled with spaces to this width.
    func padded(_ text: String, to width: Int) -> String {
        let cut = clipped(text, to: width)
        return cut + String(repeating: " ", count: max(0, width - cut.columns))
    }
}

extension String {
    /// Its width on a terminal: an ideograph takes two columns, a combining mark none.
    var columns: Int {
        // Nearly every text is ASCII, and a list has tens of thousands of cells.
        if utf8.allSatisfy({ $0 < 0x80 }) { return utf8.count }
        return unicodeScalars.reduce(0) { $0 + $1.columns }
    }

    var orDash: String { isEmpty ? "-" : self }
}

extension Unicode.Scalar {
    /// Whether wcwidth(3) knows Unicode. It uses the process' locale, so one for UTF-8 is set: texts are UTF-8 in any.
    private static let isMeasured: Bool = {
        // SAFETY: the name is a constant, and the result is only compared.
        unsafe setlocale(LC_CTYPE, "C.UTF-8") != nil
    }()

    /// 1 without such a locale, and for scalars that the C library does not know.
    fileprivate var columns: Int {
        guard Self.isMeasured else { return 1 }
        let width = width_of_scalar(value)
        return width < 0 ? 1 : Int(width)
    }
}
