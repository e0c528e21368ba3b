// SPDX-License-Identifier: GPL-3.0-or-later

/// One replacement in a document's bytes. Edits of one document never overlap.
struct Edit {
    let range: Range<Int>
    let replacement: String
}

extension XMLDocument {
    /// The bytes after the edits. All others stay.
    func applying(_ edits: [Edit]) -> [UInt8] {
        var result: [UInt8] = []
        var position = 0
        for edit in edits.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            result += bytes[position..<edit.range.lowerBound]
            result += edit.replacement.utf8
            position = edit.range.upperBound
        }
        return result + bytes[position...]
    }

    /// The start of the line; nil unless only white space is between it and `offset`.
    func lineStart(before offset: Int) -> Int? {
        var index = offset
        while index > 0, bytes[index - 1] == .space || bytes[index - 1] == .tab { index -= 1 }
        return index > 0 && bytes[index - 1] == .newline ? index : nil
    }

    /// The start of the next line; nil unless only white space is between `offset` and it.
    private func nextLine(after offset: Int) -> Int? {
        var index = offset
        while index < bytes.count, [.space, .tab, .carriageReturn].contains(bytes[index]) { index += 1 }
        return index < bytes.count && bytes[index] == .newline ? index + 1 : nil
    }

    /// The white space before `offset` on its line; nil when something else is there.
    func indentation(at offset: Int) -> String? {
        lineStart(before: offset).map { String(decoding: bytes[$0..<offset], as: UTF8.self) }
    }

    /// The line end before `lineStart`.
    func newline(before lineStart: Int) -> String {
        lineStart >= 2 && bytes[lineStart - 2] == .carriageReturn ? "\r\n" : "\n"
    }

    /// The range to remove with an element: whole lines where nothing else is on them.
    func removalRange(of element: XMLElement) -> Range<Int> {
        let range = element.range
        guard let start = lineStart(before: range.lowerBound), let end = nextLine(after: range.upperBound)
        else { return range }
        return start..<end
    }
}

/// The layout of new markup.
enum Layout {
    /// On the same line as its neighbours.
    case inline
    /// On lines of its own.
    case lines(indentation: String, unit: String, newline: String)

    /// Complete lines when laid out in lines, the bare markup otherwise.
    func block(_ markup: Markup) -> String {
        switch self {
        case .inline: markup.inline
        case .lines(let indentation, let unit, let newline):
            markup.lines(unit: unit).map { indentation + $0 + newline }.joined()
        }
    }

    /// The same without the first line's indentation and the last line's end, to replace an element.
    func replacement(_ markup: Markup) -> String {
        switch self {
        case .inline: markup.inline
        case .lines(let indentation, let unit, let newline):
            markup.lines(unit: unit).joined(separator: newline + indentation)
        }
    }
}

/// New last children of an element directly below the root.
struct Insertion {
    let parent: String
    let markup: [Markup]

    init(into parent: String, _ markup: [Markup]) {
        self.parent = parent
        self.markup = markup
    }
}

extension XMLDocument {
    /// The bytes after an insertion. A parent that is missing is added before `<devices>`.
    func inserting(_ insertion: Insertion) -> [UInt8] {
        let whole = Markup(name: insertion.parent, children: insertion.markup)
        guard let parent = root.all(insertion.parent).last else {
            let neighbour = root.first("devices") ?? root.children.last
            guard let neighbour else { return bytes }
            let start = lineStart(before: neighbour.range.lowerBound) ?? neighbour.range.lowerBound
            return applying([Edit(range: start..<start, replacement: layout(of: neighbour).block(whole))])
        }
        if parent.isSelfClosing {
            return applying([Edit(range: parent.range, replacement: layout(of: parent).replacement(whole))])
        }
        let layout = layout(endOf: parent, childOf: root)
        let place = insertionPoint(endOf: parent)
        return applying([Edit(range: place..<place, replacement: insertion.markup.map(layout.block).joined())])
    }

    /// The layout of an element that is there, for a new neighbour.
    func layout(of element: XMLElement) -> Layout {
        guard let indentation = indentation(at: element.range.lowerBound) else { return .inline }
        let start = element.range.lowerBound - indentation.utf8.count
        return .lines(indentation: indentation, unit: "  ", newline: newline(before: start))
    }

    /// The place for new last children of `element`.
    func insertionPoint(endOf element: XMLElement) -> Int {
        lineStart(before: element.endTag.lowerBound) ?? element.endTag.lowerBound
    }

    /// The layout of new last children of `element`: lines like their siblings' if its end tag is on a line of its own.
    func layout(endOf element: XMLElement, childOf parent: XMLElement?) -> Layout {
        guard let start = lineStart(before: element.endTag.lowerBound),
            let own = indentation(at: element.endTag.lowerBound)
        else { return .inline }
        // Below the root, the element's own indentation is one step.
        let step = own.isEmpty || parent == nil ? "  " : own
        let sibling = element.children.last.flatMap { child in indentation(at: child.range.lowerBound) }
        let deeper = sibling ?? own + step
        let unit = deeper.hasPrefix(own) ? String(deeper.dropFirst(own.count)) : step
        return .lines(
            indentation: deeper, unit: unit.isEmpty ? step : unit, newline: newline(before: start))
    }
}

/// An element to write. Attribute values are numbers, addresses and checked names, which need no escaping; any other value
/// is escaped by the caller.
struct Markup {
    let name: String
    var attributes: [(String, String)] = []
    var children: [Markup] = []
    /// Only for an element without children.
    var text = ""
    /// The text of an element that a document has already.
    private var verbatim: String?

    init(name: String, attributes: [(String, String)] = [], children: [Markup] = [], text: String = "") {
        self.name = name
        self.attributes = attributes
        self.children = children
        self.text = text
    }

    init(verbatim: String) {
        self.init(name: "")
        self.verbatim = verbatim
    }

    /// The text between the `<` and `>` of the start tag.
    var opening: String { name + attributes.map { " \($0)='\($1)'" }.joined() }

    var inline: String {
        if let verbatim { return verbatim }
        if children.isEmpty, text.isEmpty { return "<\(opening)/>" }
        return "<\(opening)>\(text)" + children.map(\.inline).joined() + "</\(name)>"
    }

    /// One line for each element, as in `virsh dumpxml`; `unit` is one step of indentation.
    func lines(unit: String) -> [String] {
        guard !children.isEmpty else { return [inline] }
        return ["<\(opening)>"] + children.flatMap { $0.lines(unit: unit) }.map { unit + $0 } + ["</\(name)>"]
    }
}
