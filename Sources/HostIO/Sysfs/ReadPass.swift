// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import HostModel
import SystemPackage

/// The function was removed while it was read. What was read before does not count.
struct Vanished: Error {}

/// One pass over the host's attributes: the buffer that all reads use, and the warnings.
///
/// Two passes share nothing, so several threads can read with one each. Values that thousands of functions have are
/// parsed in the buffer; a string is created only for a field that is a string.
struct ReadPass {
    /// What could not be read, one line each.
    private(set) var warnings: [String] = []
    /// Created with the first function whose capabilities are read; nil when libpci cannot be used.
    private(set) lazy var configSpace = ConfigSpace()
    /// The CPUs of each node; nil for a node without a folder.
    var nodeCPUs: [Int: String?] = [:]
    /// Interfaces from an earlier reading, by index.
    var interfaces: [Int: NetworkInterface] = [:]
    /// Lists of words that were read before: most functions have the same few.
    private var wordLists: [String: [String]] = [:]
    /// One page: no sysfs attribute is longer. Source: Documentation/filesystems/sysfs.rst.
    private var buffer = [UInt8](leftAsItIs: 4096)

    mutating func warn(_ line: String) { warnings.append(line) }

    /// Returns the warnings and removes them.
    mutating func takeWarnings() -> [String] {
        guard !warnings.isEmpty else { return [] }
        defer { warnings = [] }
        return warnings
    }

    /// The words of a text. Equal texts share one list.
    mutating func words(of text: String) -> [String] {
        if let known = wordLists[text] { return known }
        let words = text.split(separator: " ").map(String.init)
        wordLists[text] = words
        return words
    }

    // MARK: Files

    /// Reads an attribute and parses it, without the white space at its end.
    mutating func read<Value>(
        _ name: StaticString, in directory: borrowing Directory, _ parse: (Span<UInt8>) -> Value
    ) throws(Errno) -> Value {
        let count = try take(directory.file(name))
        return parse(buffer.span.extracting(..<count))
    }

    /// An attribute's text without its final newline.
    mutating func contents(of name: String, in directory: borrowing Directory) throws(Errno) -> String {
        let count = try take(directory.file(name))
        return try text(count)
    }

    /// A file's text without its final newline; nil when it cannot be read.
    mutating func contents(ofFile path: HostPath) -> String? {
        guard let count = try? take(path.open(O_RDONLY)) else { return nil }
        return try? text(count)
    }

    /// Reads a file into the buffer, and closes it.
    ///
    /// - Parameter file: -1 throws `errno`.
    /// - Returns: the number of bytes before the white space at the end.
    private mutating func take(_ file: CInt) throws(Errno) -> Int {
        guard file >= 0 else { throw Errno(rawValue: errno) }
        defer { close(file) }
        while true {
            // SAFETY: the kernel writes at most the length of the buffer, which lends its bytes until the call returns.
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(file, $0.baseAddress, $0.count) }
            if count >= 0 {
                // A full buffer is only the start of a longer file. No attribute is that long.
                guard count < buffer.count else { throw .fileTooLarge }
                return trimmed(count)
            }
            guard errno == EINTR else { throw Errno(rawValue: errno) }
        }
    }

    // MARK: Links

    /// Reads a link and parses its target.
    mutating func target<Value>(
        of name: StaticString, in directory: borrowing Directory, _ parse: (Span<UInt8>) -> Value
    ) throws(Errno) -> Value {
        let count = unsafe try follow { unsafe directory.readLink(name, $0, $1) }
        return parse(buffer.span.extracting(..<count))
    }

    /// The same for a name that is not a literal.
    mutating func target<Value>(
        of name: String, in directory: borrowing Directory, _ parse: (Span<UInt8>) -> Value
    ) throws(Errno) -> Value {
        let count = unsafe try follow { unsafe directory.readLink(name, $0, $1) }
        return parse(buffer.span.extracting(..<count))
    }

    mutating func target(of name: String, in directory: borrowing Directory) throws(Errno) -> String {
        let text = try target(of: name, in: directory) { String(text: $0) }
        guard let text else { throw .illegalByteSequence }
        return text
    }

    private mutating func follow(_ read: (UnsafeMutablePointer<CChar>, Int) -> Int) throws(Errno) -> Int {
        // SAFETY: the kernel writes at most the length of the buffer, which lends its bytes until the call returns.
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            let place = unsafe bytes.assumingMemoryBound(to: CChar.self)
            guard let start = place.baseAddress else { return 0 }
            return unsafe read(start, place.count)
        }
        guard count >= 0 else { throw Errno(rawValue: errno) }
        return trimmed(count)
    }

    // MARK: Text

    /// The length of the buffer's first `count` bytes without the white space at their end.
    private func trimmed(_ count: Int) -> Int {
        var end = count
        while end > 0, buffer[end - 1] <= UInt8(ascii: " ") { end -= 1 }
        return end
    }

    /// - Throws: EILSEQ for bytes that are not UTF-8: with replacement characters a name would be another name.
    private func text(_ count: Int) throws(Errno) -> String {
        guard let text = String(text: buffer.span.extracting(..<count)) else { throw .illegalByteSequence }
        return text
    }
}
