// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc

/// The domain's XML as libvirt writes it to the hook, and whether the daemon has to know of it.
struct DomainInput {
    /// Empty for an XML that the daemon need not know, and for one that is too large.
    private(set) var bytes: [UInt8] = []
    /// Whether it has a device of Buslane's, or a request for one.
    private(set) var concernsBuslane = false
    /// Whether it may name a PCI function of the host.
    var namesFunction: Bool { hasFunction || (hasQEMUOption && hasFunctionOption) }
    private(set) var isTooLarge = false
    /// The error at which the reading ended; nil without one.
    private(set) var failure: Int32?
    /// Whether it ended with the domain's last tag.
    private(set) var isComplete = false

    private var hasFunction = false
    private var hasQEMUOption = false
    private var hasFunctionOption = false

    var mattersToDaemon: Bool { concernsBuslane || namesFunction }

    /// In bytes. With JSON's escapes it is still below the daemon's limit; a large domain has 100 KiB.
    static let limit = 6 << 20
    /// How much of a start tag is read. libvirt writes those that matter here with less than 100 bytes.
    private static let longestTag = 512

    /// Reads to the end, or until the rest cannot change the result.
    static func read(from file: Int32) -> DomainInput {
        var input = DomainInput()
        var chunk = [UInt8](repeating: 0, count: 32768)
        while true {
            // SAFETY: the kernel writes at most the length of the array, which lends its bytes until the call returns.
            let count = unsafe Glibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { input.failure = errno }
            guard count > 0 else { break }
            // What is searched for may be split over two reads.
            let seen = max(0, input.bytes.count - longestTag)
            input.bytes += chunk.prefix(count)
            input.search(from: seen)
            if input.bytes.count > limit {
                input.isTooLarge = true
                if input.mattersToDaemon { break }
                input.bytes.removeFirst(input.bytes.count - longestTag)
            }
        }
        input.isComplete = input.endsWithDomain
        if input.isTooLarge || !input.mattersToDaemon { input.bytes = [] }
        return input
    }

    private var endsWithDomain: Bool {
        guard let last = bytes.lastIndex(where: { $0 > 0x20 }) else { return false }
        let tag = Array("</domain>".utf8)
        return bytes[...last].suffix(tag.count).elementsEqual(tag)
    }

    // MARK: - Searching

    /// What a text in the XML shows.
    private enum Sign { case buslane, function, qemuOption, functionOption }

    private static let texts: [(text: [UInt8], sign: Sign)] = [
        (Array("ua-buslane-".utf8), .buslane), (Array("urn:buslane:request:".utf8), .buslane),
        // libvirt always writes this prefix. Source: qemuDomainDefNamespaceFormatXML, qemu_domain.c.
        (Array("<qemu:arg".utf8), .qemuOption), (Array("<qemu:property".utf8), .qemuOption),
        // JSON can hide a word behind an escape.
        (Array("vfio".utf8), .functionOption), (Array("nvme".utf8), .functionOption),
        (Array("\\u".utf8), .functionOption),
    ]

    /// Start tags of devices with a PCI function of the host: `<hostdev … type='pci'`, `<interface type='hostdev'`, and an NVMe
    /// disk's `<source type='pci'`.
    ///
    /// Source: virDomainHostdevDefFormat, virDomainActualNetDefFormat, virDomainDiskSourceFormat; domain_conf.c.
    private static let tags = [("<hostdev", "pci"), ("<interface", "hostdev"), ("<source", "pci")]
        .map { (name: Array($0.utf8), word: Array($1.utf8)) }

    /// For each byte, whether something that is searched for begins with it.
    private static let isFirst: [Bool] = {
        var isFirst = [Bool](repeating: false, count: 256)
        for text in texts.map(\.text) + tags.map(\.name) { isFirst[Int(text[0])] = true }
        return isFirst
    }()

    private mutating func search(from start: Int) {
        let found = signs(from: start)
        if found.contains(.buslane) { concernsBuslane = true }
        if found.contains(.function) { hasFunction = true }
        if found.contains(.qemuOption) { hasQEMUOption = true }
        if found.contains(.functionOption) { hasFunctionOption = true }
    }

    private func signs(from start: Int) -> Set<Sign> {
        var found: Set<Sign> = []
        let isFirst = Self.isFirst
        let xml = bytes.span
        for position in start..<xml.count where isFirst[Int(xml[position])] {
            for (text, sign) in Self.texts where Self.has(text, xml, at: position) { found.insert(sign) }
            for (name, word) in Self.tags where Self.isTag(name, with: word, xml, at: position) {
                found.insert(.function)
            }
        }
        return found
    }

    private static func has(_ text: [UInt8], _ xml: Span<UInt8>, at position: Int) -> Bool {
        guard xml[position] == text[0], position + text.count <= xml.count else { return false }
        for offset in text.indices where xml[position + offset] != text[offset] { return false }
        return true
    }

    /// Whether a start tag begins there, with this name and with the word in it.
    private static func isTag(_ name: [UInt8], with word: [UInt8], _ xml: Span<UInt8>, at start: Int) -> Bool {
        guard has(name, xml, at: start) else { return false }
        for position in start..<min(xml.count, start + longestTag) {
            if xml[position] == UInt8(ascii: ">") { return false }
            if has(word, xml, at: position) { return true }
        }
        return false
    }
}
