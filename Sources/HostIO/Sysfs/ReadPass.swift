// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import HostModel
import SystemPackage

/// The function went away while it was being read: nothing that was read of it counts.
struct Vanished: Error {}

/// One walk over the host's attributes: the buffer that every read shares, and what could not be read.
///
/// Two passes share nothing, so that parts of the host can be read side by side. What is asked of thousands of
/// functions is parsed where the kernel wrote it; text is made only where text is wanted.
struct ReadPass {
    /// What could not be read, a line each.
    private(set) var warnings: [String] = []
    /// Made when the first function is asked for its capabilities; nil where libpci cannot parse any.
    private(set) lazy var configSpace = ConfigSpace()
    /// By node, its CPUs; nil for a node that has no folder.
    var nodeCPUs: [Int: String?] = [:]
    /// By physical function, whether its driver deals out its VFs' interrupt vectors.
    var sharesVectors: [PCIAddress: Bool] = [:]
    /// By index, interfaces as they were read before.
    var interfaces: [Int: NetworkInterface] = [:]
    /// Lists of words that were met before: most functions have the same few.
    private var wordLists: [String: [String]] = [:]
    /// One page: no sysfs attribute is longer. Source: Documentation/filesystems/sysfs.rst.
    private var buffer = [UInt8](leftAsItIs: 4096)

    mutating func warn(_ line: String) { warnings.append(line) }

    /// What was warned of since the last time.
    mutating func takeWarnings() -> [String] {
        guard !warnings.isEmpty else { return [] }
        defer { warnings = [] }
        return warnings
    }

    /// The words of a text, as one shared list.
    mutating func words(of text: String) -> [String] {
        if let known = wordLists[text] { return known }
        let words = text.split(separator: " ").map(String.init)
        wordLists[text] = words
        return words
    }

    // MARK: Files

    /// What an attribute holds, without what ends the line.
    mutating func read<Value>(
        _ name: StaticString, in directory: borrowing Directory, _ parse: (Span<UInt8>) -> Value
    ) throws(Errno) -> Value {
        // SAFETY: a literal ends with a NUL and is there for ever.
        let count = try take { unsafe openat(directory.descriptor, name.pointer, O_RDONLY | O_CLOEXEC) }
        return parse(buffer.span.extracting(..<count))
    }

    /// An attribute's text without its final newline.
    mutating func contents(of name: String, in directory: borrowing Directory) throws(Errno) -> String {
        let count = try take { unsafe openat(directory.descriptor, name, O_RDONLY | O_CLOEXEC) }
        return try text(count)
    }

    /// A file's text without its final newline; nil when it cannot be read.
    mutating func contents(ofFile path: String) -> String? {
        guard let count = try? take(opening: { unsafe open(path, O_RDONLY | O_CLOEXEC) }) else { return nil }
        return try? text(count)
    }

    /// Fills the buffer; how much of it counts.
    private mutating func take(opening: () -> CInt) throws(Errno) -> Int {
        let file = opening()
        guard file >= 0 else { throw Errno(rawValue: errno) }
        defer { close(file) }
        while true {
            // SAFETY: the kernel writes at most the length of the buffer that lends itself for the call.
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(file, $0.baseAddress, $0.count) }
            if count >= 0 {
                // What fills a page goes on after it: no attribute does, and the first part of it is not its value.
                guard count < buffer.count else { throw .fileTooLarge }
                return trimmed(count)
            }
            guard errno == EINTR else { throw Errno(rawValue: errno) }
        }
    }

    // MARK: Links

    /// Where a link points, as it is written.
    mutating func target<Value>(
        of name: StaticString, in directory: borrowing Directory, _ parse: (Span<UInt8>) -> Value
    ) throws(Errno) -> Value {
        // SAFETY: a literal ends with a NUL and is there for ever.
        let count = unsafe try follow { unsafe readlinkat(directory.descriptor, name.pointer, $0, $1) }
        return parse(buffer.span.extracting(..<count))
    }

    /// The same of a name that is made up at run time.
    mutating func target<Value>(
        of name: String, in directory: borrowing Directory, _ parse: (Span<UInt8>) -> Value
    ) throws(Errno) -> Value {
        let count = unsafe try follow { start, size in
            unsafe name.withCString { unsafe readlinkat(directory.descriptor, $0, start, size) }
        }
        return parse(buffer.span.extracting(..<count))
    }

    mutating func target(of name: String, in directory: borrowing Directory) throws(Errno) -> String {
        let text = try target(of: name, in: directory) { String(text: $0) }
        guard let text else { throw .illegalByteSequence }
        return text
    }

    private mutating func follow(_ read: (UnsafeMutablePointer<CChar>, Int) -> Int) throws(Errno) -> Int {
        // SAFETY: the kernel writes at most the length of the buffer that lends itself for the call.
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            let place = unsafe bytes.assumingMemoryBound(to: CChar.self)
            guard let start = place.baseAddress else { return 0 }
            return unsafe read(start, place.count)
        }
        guard count >= 0 else { throw Errno(rawValue: errno) }
        return trimmed(count)
    }

    // MARK: Text

    /// How many of the buffer's first `count` bytes stand before the blanks that end them.
    private func trimmed(_ count: Int) -> Int {
        var end = count
        while end > 0, buffer[end - 1] <= UInt8(ascii: " ") { end -= 1 }
        return end
    }

    /// - Throws: EILSEQ for what is not UTF-8: a name with something else put in its place would be another name.
    private func text(_ count: Int) throws(Errno) -> String {
        guard let text = String(text: buffer.span.extracting(..<count)) else { throw .illegalByteSequence }
        return text
    }
}

extension StaticString {
    /// For the C library.
    @unsafe fileprivate var pointer: UnsafePointer<CChar> {
        unsafe UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
    }
}
