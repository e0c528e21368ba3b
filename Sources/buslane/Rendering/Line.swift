// SPDX-License-Identifier: GPL-3.0-or-later
import PrintableText

/// A line under construction: spans of text, each with its ink, and their width.
struct Line {
    private var spans: [(text: String, ink: Style.Ink?)] = []
    private(set) var columns = 0

    init() {}

    init(_ text: String, _ ink: Style.Ink? = nil) { add(text, ink) }

    mutating func add(_ text: String, _ ink: Style.Ink? = nil) {
        let text = text.printable
        spans.append((text, ink))
        columns += text.columns
    }

    /// Adds the text after a gap if all of it fits.
    mutating func add(_ text: String, _ ink: Style.Ink? = nil, after gap: Int = 0, within width: Int) {
        guard columns + gap + text.columns <= width else { return }
        if gap > 0 { add(String(repeating: " ", count: gap)) }
        add(text, ink)
    }

    mutating func add(_ line: Line, after gap: Int = 0, within width: Int) {
        guard line.columns > 0, columns + gap + line.columns <= width else { return }
        if gap > 0 { add(String(repeating: " ", count: gap)) }
        spans += line.spans
        columns += line.columns
    }

    /// Adds as much of the text as fits into the style's width; nothing if that is less than 12 columns.
    mutating func add(clipping text: String, _ ink: Style.Ink? = nil, after gap: Int, _ style: Style) {
        let room = style.width - columns - gap
        guard room >= min(12, text.columns) else { return }
        add(style.clipped(text, to: room), ink, after: gap, within: style.width)
    }

    /// - Parameter bold: a span to set in bold.
    func rendered(_ style: Style, bold: String? = nil) -> String {
        spans.map { span in
            if let ink = span.ink { return style.ink(ink, span.text) }
            return span.text == bold?.printable ? style.bold(span.text) : span.text
        }.joined()
    }
}
