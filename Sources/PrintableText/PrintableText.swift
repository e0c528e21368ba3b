// SPDX-License-Identifier: GPL-3.0-or-later

/// The rule for text that a person reads on a terminal or in a log, and that another person may have written.
///
/// Its characters stand where they are and look as they are. Not printable are control characters (C0, DEL, C1), line and
/// paragraph separators, characters that change the direction of other text, and characters that nobody sees.
///
/// Source: The Unicode Standard, 23.1 (control codes) and 23.2 (layout controls); UAX #9 (bidirectional controls).
extension Unicode.Scalar {
    package var isPrintable: Bool {
        switch value {
        // Nearly every character.
        case 0x20..<0x7f: true
        case 0..<0x20, 0x7f..<0xa0: false
        case 0xad, 0x061c, 0x180e, 0x200b...0x200f, 0x2028...0x202e, 0x2060...0x206f, 0xfeff, 0xfff9...0xfffb: false
        default: true
        }
    }

    /// Whether it ends a line or moves to the next column.
    fileprivate var breaksText: Bool { (0x09...0x0d).contains(value) || [0x85, 0x2028, 0x2029].contains(value) }

    /// What a reader gets in its place.
    fileprivate var shown: Unicode.Scalar { isPrintable ? self : breaksText ? " " : "\u{fffd}" }
}

extension StringProtocol {
    /// Whether every character is printable.
    package var isPrintable: Bool { utf8.allSatisfy { 0x20..<0x7f ~= $0 } || unicodeScalars.allSatisfy(\.isPrintable) }
}

extension String {
    /// The text as one line: a space for each tab and each end of a line, U+FFFD for every other character that is not
    /// printable.
    package var printable: String {
        isPrintable ? self : String(UnicodeScalarView(unicodeScalars.lazy.map(\.shown)))
    }

    /// The text with at most so many Unicode scalars. If it has more, the last one is an ellipsis.
    ///
    /// The number of scalars bounds the number of bytes, which the number of characters does not: one character can have
    /// any number of combining marks.
    package func cut(to limit: Int) -> String {
        let view = unicodeScalars
        guard let end = view.index(view.startIndex, offsetBy: limit, limitedBy: view.endIndex), end < view.endIndex
        else { return self }
        return String(view[..<view.index(before: end)]) + "…"
    }
}
