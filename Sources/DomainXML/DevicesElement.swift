// SPDX-License-Identifier: GPL-3.0-or-later

/// The `<devices>` of a document that new devices go into: the last one.
struct DevicesElement {
    private let element: XMLElement
    private let document: XMLDocument

    /// - Throws: ``DomainXMLError/noDevices(line:)``.
    init(of document: XMLDocument) throws(DomainXMLError) {
        guard let element = document.root.all("devices").last else { throw .noDevices(line: document.root.line) }
        self.element = element
        self.document = document
    }

    /// How its children are laid out.
    var layout: Layout { document.layout(endOf: element, childOf: document.root) }

    /// Puts text behind its last child.
    func appending(_ text: String) -> Edit {
        let place = document.insertionPoint(endOf: element)
        return Edit(range: place..<place, replacement: text)
    }

    // MARK: - An empty one

    /// Whether it is `<devices/>`.
    var isSelfClosing: Bool { element.isSelfClosing }

    /// Marks a `<devices>` that was `<devices/>`, so that it can be that again.
    private static let wasEmpty = "<!-- buslane: was empty -->"

    /// Gives `<devices/>` an end tag.
    var opening: Edit {
        var end = ""
        if let indentation = document.indentation(at: element.range.lowerBound) {
            end = document.newline(before: element.range.lowerBound - indentation.utf8.count) + indentation
        }
        let slash = element.range.upperBound - 2..<element.range.upperBound
        return Edit(range: slash, replacement: ">\(Self.wasEmpty)\(end)</devices>")
    }

    /// Undoes ``opening``; nil where it was not done, or something else is left in the element.
    var closing: Edit? {
        guard !element.isSelfClosing else { return nil }
        let content = document.bytes[element.startTag.upperBound..<element.endTag.lowerBound]
        let text = String(decoding: content, as: UTF8.self)
        let white: (Character) -> Bool = { $0.isWhitespace }
        guard String(text.drop(while: white).reversed().drop(while: white).reversed()) == Self.wasEmpty else {
            return nil
        }
        let tail = element.startTag.upperBound - 1..<element.endTag.upperBound
        return Edit(range: tail, replacement: "/>")
    }
}
