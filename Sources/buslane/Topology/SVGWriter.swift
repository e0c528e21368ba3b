// SPDX-License-Identifier: GPL-3.0-or-later
import PrintableText

/// Writes an SVG document: every text and every attribute goes through one escape.
struct SVGWriter {
    private(set) var text = ""

    typealias Attributes = KeyValuePairs<String, any CustomStringConvertible>

    /// An element with what `body` puts into it.
    mutating func element(_ name: String, _ attributes: Attributes = [:], _ body: (inout SVGWriter) -> Void) {
        start(name, attributes)
        text += ">"
        body(&self)
        text += "</\(name)>\n"
    }

    mutating func element(_ name: String, _ attributes: Attributes = [:]) {
        start(name, attributes)
        text += "/>"
    }

    mutating func element(_ name: String, _ attributes: Attributes = [:], text content: String) {
        start(name, attributes)
        text += ">\(content.escapedForXML)</\(name)>"
    }

    mutating func box(_ style: String, _ x: Int, _ y: Int, _ width: Int, _ height: Int, radius: Int) {
        element("rect", ["class": style, "x": x, "y": y, "width": width, "height": height, "rx": radius])
    }

    mutating func label(_ style: String, _ x: Int, _ y: Int, _ content: String) {
        element("text", ["class": style, "x": x, "y": y], text: content)
    }

    /// Appends the document of another writer.
    mutating func append(_ written: String) { text += written }

    /// Buslane's style sheet, which needs no escaping.
    mutating func styleSheet(_ sheet: String) { text += "<style>\(sheet)</style>\n" }

    private mutating func start(_ name: String, _ attributes: Attributes) {
        text += "<\(name)"
        for (name, value) in attributes { text += " \(name)=\"\(value.description.escapedForXML)\"" }
    }
}

extension String {
    /// Fit for XML text and for an attribute in double quotes. What is not printable, or what XML 1.0 cannot hold, becomes
    /// U+FFFD.
    var escapedForXML: String {
        var escaped = ""
        escaped.reserveCapacity(utf8.count)
        for scalar in unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\t", "\n", "\r": escaped += "&#\(scalar.value);"
            case _ where !scalar.isPrintable, "\u{fffe}"..."\u{ffff}": escaped += "\u{fffd}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// Cut with an ellipsis to what fits into a width, at so many units a character: a viewer's font is not known.
    func fitting(_ width: Int, perCharacter: Double) -> String {
        let most = max(1, Int(Double(width) / perCharacter))
        return count <= most ? self : String(prefix(most - 1)) + "…"
    }
}
