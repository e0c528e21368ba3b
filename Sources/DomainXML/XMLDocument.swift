// SPDX-License-Identifier: GPL-3.0-or-later
import CExpat

/// A well-formed document: its bytes as given, and the elements with their places in them.
///
/// Edits replace ranges of ``bytes``, so that everything else stays: comments, white space, quotes, order.
struct XMLDocument: Sendable {
    /// In bytes. A large domain has 100 KiB.
    static let maximumSize = 16 << 20
    /// The limit of libxml2, which libvirt uses.
    static let maximumDepth = 256
    /// A domain of the largest size has some thousands: for each vCPU its pinning, for each device a few. In memory an element
    /// takes many times its text.
    static let maximumElements = 20_000

    let bytes: [UInt8]
    let root: XMLElement

    /// - Throws: ``DomainXMLError`` for a document that is not well-formed, not UTF-8, too large, or has a DOCTYPE.
    init(parsing bytes: [UInt8]) throws(DomainXMLError) {
        guard bytes.count <= Self.maximumSize else {
            throw .tooLarge(bytes: bytes.count, limit: Self.maximumSize)
        }
        // No XML in UTF-8 has a NUL. UTF-16 has, and expat would detect it in spite of the encoding that it is given.
        if let position = bytes.firstIndex(of: 0) {
            let lines = bytes[..<position].split(separator: .newline, omittingEmptySubsequences: false)
            throw .malformed(
                line: lines.count, column: (lines.last?.count ?? 0) + 1, reason: "NUL byte: not UTF-8 text")
        }
        self.bytes = bytes
        root = try ExpatParser().parse(bytes)
    }
}

/// Separates namespace and name in expat's reports. XML cannot contain it.
private let namespaceSeparator: UInt8 = 0x1f

/// Owns one expat parser, for one document.
@safe private struct ExpatParser: ~Copyable {
    private let raw: XML_Parser?

    init() {
        // Named, so that expat reads only the encoding that edits are made in.
        // SAFETY: the name is a constant; a parser that could not be allocated is nil.
        unsafe raw = unsafe XML_ParserCreateNS("UTF-8", XML_Char(bitPattern: namespaceSeparator))
    }

    deinit {
        // SAFETY: created above, freed once; nil is allowed.
        unsafe XML_ParserFree(raw)
    }

    consuming func parse(_ bytes: [UInt8]) throws(DomainXMLError) -> XMLElement {
        guard let raw = unsafe raw else {
            throw .malformed(line: 1, column: 1, reason: "out of memory")
        }
        let builder = unsafe TreeBuilder(parser: raw)
        // SAFETY: the builder outlives XML_Parse, the only call that runs handlers; the handlers capture nothing.
        unsafe XML_SetUserData(raw, Unmanaged.passUnretained(builder).toOpaque())
        unsafe XML_SetElementHandler(raw, elementStarted, elementEnded)
        unsafe XML_SetCharacterDataHandler(raw, textRead)
        unsafe XML_SetStartDoctypeDeclHandler(raw, documentTypeStarted)
        unsafe XML_SetXmlDeclHandler(raw, declarationRead)
        let status = withExtendedLifetime(builder) {
            unsafe bytes.withUnsafeBytes { buffer in
                // SAFETY: the count is the buffer's, and fits: the document's size was checked.
                unsafe XML_Parse(
                    raw, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count), 1)
            }
        }
        if let failure = builder.failure { throw failure }
        guard status == XML_STATUS_OK, let root = builder.root else {
            // SAFETY: the string is expat's own constant.
            let reason = unsafe XML_ErrorString(XML_GetErrorCode(raw)).map { unsafe String(cString: $0) }
            throw unsafe .malformed(
                line: parser_line(raw), column: parser_column(raw) + 1,
                reason: reason ?? "unknown error")
        }
        return root
    }
}

/// Builds the tree from expat's reports; a refusal of its own stops the parser.
@safe private final class TreeBuilder {
    // SAFETY: borrowed from the ExpatParser that made this builder and outlives it.
    private let parser: XML_Parser
    private var open: [XMLElement] = []
    private var count = 0
    private(set) var root: XMLElement?
    private(set) var failure: DomainXMLError?

    init(parser: XML_Parser) { unsafe self.parser = unsafe parser }

    /// The place of the reported markup.
    private var place: Range<Int> {
        let start = unsafe parser_offset(parser)
        let length = unsafe parser_length(parser)
        return start..<start + length
    }

    private var line: Int { unsafe parser_line(parser) }

    private func refuse(_ error: DomainXMLError) {
        if failure == nil { failure = error }
        // expat may report once more after this; the first failure counts.
        _ = unsafe XML_StopParser(parser, 0)
    }

    func start(name: String, attributes: [XMLAttribute]) {
        guard open.count < XMLDocument.maximumDepth else {
            return refuse(.tooDeep(line: line, limit: XMLDocument.maximumDepth))
        }
        count += 1
        guard count <= XMLDocument.maximumElements else {
            return refuse(.tooManyElements(line: line, limit: XMLDocument.maximumElements))
        }
        let (namespace, local) = Self.split(name)
        let tag = place
        open.append(
            XMLElement(
                name: local, namespace: namespace, attributes: attributes, startTag: tag,
                endTag: tag.upperBound..<tag.upperBound, line: line))
    }

    func end() {
        guard var element = open.popLast() else { return }
        // For `<element/>` expat reports an empty place at the end of the tag.
        element.endTag = place
        if open.isEmpty {
            root = element
        } else {
            open[open.count - 1].children.append(element)
        }
    }

    /// Most text of a document is the white space of its layout: before other text it is dropped.
    func append(isWhiteSpace: Bool, text: () -> String) {
        guard let last = open.indices.last, !isWhiteSpace || !open[last].text.isEmpty else { return }
        open[last].text += text()
    }

    func documentType() { refuse(.documentType(line: line)) }

    func declaration(encoding: String?) {
        guard let encoding, encoding.uppercased() != "UTF-8", encoding.uppercased() != "US-ASCII" else { return }
        refuse(.encoding(encoding))
    }

    static func split(_ name: String) -> (namespace: String?, local: String) {
        // By bytes: a search by characters takes as long as all other work of the parser.
        guard let index = name.utf8.firstIndex(of: namespaceSeparator) else { return (nil, name) }
        return (String(name[..<index]), String(name[name.utf8.index(after: index)...]))
    }
}

// MARK: - Handlers that expat calls. Each finds its builder and passes Swift values to it.

private func builder(_ userData: UnsafeMutableRawPointer?) -> TreeBuilder? {
    // SAFETY: the user data is the builder that parse() keeps alive.
    unsafe userData.map { unsafe Unmanaged<TreeBuilder>.fromOpaque($0).takeUnretainedValue() }
}

private func elementStarted(
    _ userData: UnsafeMutableRawPointer?, _ name: UnsafePointer<XML_Char>?,
    _ attributes: UnsafeMutablePointer<UnsafePointer<XML_Char>?>?
) {
    guard let name = unsafe name, let builder = unsafe builder(userData) else { return }
    var list: [XMLAttribute] = []
    // SAFETY: names and values alternate, a null ends them.
    if var next = unsafe attributes {
        while let key = unsafe next[0], let value = unsafe next[1] {
            let (namespace, local) = TreeBuilder.split(unsafe String(cString: key))
            list.append(XMLAttribute(name: local, namespace: namespace, value: unsafe String(cString: value)))
            unsafe next += 2
        }
    }
    builder.start(name: unsafe String(cString: name), attributes: list)
}

private func elementEnded(_ userData: UnsafeMutableRawPointer?, _ name: UnsafePointer<XML_Char>?) {
    unsafe builder(userData)?.end()
}

private func textRead(_ userData: UnsafeMutableRawPointer?, _ text: UnsafePointer<XML_Char>?, _ length: Int32) {
    guard let text = unsafe text else { return }
    // SAFETY: expat gives the length in bytes, and splits at whole characters only.
    let bytes = unsafe UnsafeRawBufferPointer(start: text, count: Int(length))
    let isWhiteSpace = unsafe bytes.allSatisfy { $0 == .space || $0 == .tab || $0 == .newline || $0 == .carriageReturn }
    unsafe builder(userData)?.append(isWhiteSpace: isWhiteSpace) { unsafe String(decoding: bytes, as: UTF8.self) }
}

private func documentTypeStarted(
    _ userData: UnsafeMutableRawPointer?, _ name: UnsafePointer<XML_Char>?, _ systemID: UnsafePointer<XML_Char>?,
    _ publicID: UnsafePointer<XML_Char>?, _ hasInternalSubset: Int32
) {
    unsafe builder(userData)?.documentType()
}

private func declarationRead(
    _ userData: UnsafeMutableRawPointer?, _ version: UnsafePointer<XML_Char>?, _ encoding: UnsafePointer<XML_Char>?,
    _ standalone: Int32
) {
    unsafe builder(userData)?.declaration(encoding: encoding.map { unsafe String(cString: $0) })
}
