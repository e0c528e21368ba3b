// SPDX-License-Identifier: GPL-3.0-or-later

/// One element of a parsed document, and its place in the original bytes.
struct XMLElement: Sendable {
    /// The name without its prefix.
    let name: String
    /// The URI of the prefix; nil for an element without namespace.
    let namespace: String?
    let attributes: [XMLAttribute]
    /// The start tag, with `<` and `>`.
    let startTag: Range<Int>
    /// The end tag; empty, at the end of the start tag, for `<element/>`.
    var endTag: Range<Int>
    var children: [XMLElement] = []
    /// The character data directly inside, with CDATA sections and without children's text and leading white space.
    var text = ""
    /// The line of the start tag, from 1.
    let line: Int

    /// From the start tag's first byte to the end tag's last.
    var range: Range<Int> { startTag.lowerBound..<endTag.upperBound }

    var isSelfClosing: Bool { endTag.isEmpty }

    /// The value of an attribute without namespace.
    subscript(attribute: String) -> String? {
        attributes.first { $0.namespace == nil && $0.name == attribute }?.value
    }

    /// The children of this name without namespace: libvirt's own elements.
    func all(_ name: String) -> [XMLElement] { children.filter { $0.namespace == nil && $0.name == name } }

    func first(_ name: String) -> XMLElement? { children.first { $0.namespace == nil && $0.name == name } }
}

struct XMLAttribute: Sendable {
    let name: String
    let namespace: String?
    let value: String
}

extension UInt8 {
    static let space = UInt8(ascii: " ")
    static let tab = UInt8(ascii: "\t")
    static let newline = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
}
