// SPDX-License-Identifier: GPL-3.0-or-later
import CYAML

/// A text that is no YAML document, and where the error is.
struct YAMLError: Error {
    /// nil when no place is known.
    let mark: YAMLNode.Mark?
    let problem: String
}

extension YAMLNode {
    /// The one document of a text; nil for a text that has none.
    static func document(in text: String) throws(YAMLError) -> YAMLNode? {
        let parser = YAMLParser(text)
        return try parser.document()
    }
}

/// Owner of one libyaml parser, for one text.
@safe private struct YAMLParser: ~Copyable {
    /// libyaml keeps pointers into its own structure: it must not move.
    private let raw: UnsafeMutablePointer<yaml_parser_t>
    private let text: UnsafeMutableBufferPointer<UInt8>

    init(_ text: String) {
        // SAFETY: both are owned by this value and freed in deinit; libyaml reads the text until then.
        unsafe raw = .allocate(capacity: 1)
        unsafe self.text = .allocate(capacity: text.utf8.count)
        _ = unsafe self.text.initialize(from: text.utf8)
        // A failed allocation leaves a zeroed structure, with which parsing fails.
        // SAFETY: the call zeroes the structure before it uses it.
        unsafe yaml_parser_initialize(raw)
        unsafe yaml_parser_set_encoding(raw, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(raw, self.text.baseAddress, self.text.count)
    }

    deinit {
        // SAFETY: initialised above; nothing uses them any more.
        unsafe yaml_parser_delete(raw)
        unsafe raw.deallocate()
        unsafe text.deallocate()
    }

    func document() throws(YAMLError) -> YAMLNode? {
        _ = try next()  // the stream's start
        guard try next().kind == .documentStart else { return nil }
        var composer = YAMLComposer()
        let root = try composer.node(try next(), depth: 0) { () throws(YAMLError) in try self.next() }
        _ = try next()  // the document's end
        let after = try next()
        guard after.kind == .streamEnd else {
            throw YAMLError(mark: after.mark, problem: "a second document begins here; a file is one document")
        }
        return root
    }

    private borrowing func next() throws(YAMLError) -> YAMLEvent {
        var event = unsafe yaml_event_t()
        // SAFETY: libyaml fills the event, whose strings live until it is deleted; they are copied before.
        guard unsafe yaml_parser_parse(raw, &event) == 1 else { throw failure }
        defer { unsafe yaml_event_delete(&event) }
        return unsafe YAMLEvent(event)
    }

    private var failure: YAMLError {
        // SAFETY: the problem is a constant of libyaml's, or nil.
        let problem = unsafe raw.pointee.problem.map { unsafe String(cString: $0) } ?? "not enough memory"
        switch unsafe raw.pointee.error {
        case YAML_SCANNER_ERROR, YAML_PARSER_ERROR:
            return unsafe YAMLError(mark: .init(raw.pointee.problem_mark), problem: problem)
        case YAML_READER_ERROR:
            // The reader knows the byte only.
            let before = unsafe Array(text.prefix(Int(raw.pointee.problem_offset)))
            let line = before.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            let column = String(decoding: line.last ?? [], as: UTF8.self).unicodeScalars.count
            return YAMLError(mark: .init(line: line.count, column: column + 1), problem: problem)
        default: return YAMLError(mark: nil, problem: problem)
        }
    }
}

extension YAMLNode.Mark {
    fileprivate init(_ mark: yaml_mark_t) { self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1) }
}

/// One event of libyaml's, copied out of its memory.
struct YAMLEvent {
    enum Kind: Equatable {
        case documentStart, streamEnd, end
        case alias(String)
        case scalar(String, isPlain: Bool)
        case sequenceStart, mappingStart
        case other
    }

    let kind: Kind
    let anchor: String?
    let mark: YAMLNode.Mark

    fileprivate init(_ event: yaml_event_t) {
        mark = unsafe YAMLNode.Mark(event.start_mark)
        // SAFETY: the type says which member of the union is set.
        switch unsafe event.type {
        case YAML_DOCUMENT_START_EVENT: (kind, anchor) = (.documentStart, nil)
        case YAML_STREAM_END_EVENT: (kind, anchor) = (.streamEnd, nil)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: (kind, anchor) = (.end, nil)
        case YAML_ALIAS_EVENT: (kind, anchor) = unsafe (.alias(Self.text(event.data.alias.anchor) ?? ""), nil)
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            // With its length: a scalar may have NUL in it.
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let isPlain =
                unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE && Self.text(scalar.tag) != "tag:yaml.org,2002:str"
            kind = unsafe .scalar(String(decoding: bytes, as: UTF8.self), isPlain: isPlain)
            anchor = unsafe Self.text(scalar.anchor)
        case YAML_SEQUENCE_START_EVENT:
            (kind, anchor) = unsafe (.sequenceStart, Self.text(event.data.sequence_start.anchor))
        case YAML_MAPPING_START_EVENT:
            (kind, anchor) = unsafe (.mappingStart, Self.text(event.data.mapping_start.anchor))
        default: (kind, anchor) = (.other, nil)
        }
    }

    private static func text(_ bytes: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        // SAFETY: libyaml ends its strings with NUL.
        unsafe bytes.map { unsafe String(cString: $0) }
    }
}
