// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import HostModel
import SystemPackage

/// The function went away while it was being read: nothing that was read of it counts.
struct Vanished: Error {}

/// One walk over the host's attributes: the buffer that every read shares, and what could not be read.
///
/// Two passes share nothing, so that parts of the host can be read side by side.
struct ReadPass {
    /// What could not be read, a line each.
    private(set) var warnings: [String] = []
    /// Why a function was left out, where that is more than its having gone; said in place of its other warnings.
    var lastWord: String?
    /// The places of each physical function's VFs, as far as the pass has seen them.
    var vfIndexes: [PCIAddress: [PCIAddress: Int]] = [:]
    /// Made when the first function is asked for its capabilities; nil where libpci cannot parse any.
    private(set) lazy var configSpace = ConfigSpace()
    /// One page: no sysfs attribute is longer. Source: Documentation/filesystems/sysfs.rst.
    private var buffer = [UInt8](repeating: 0, count: 4096)

    mutating func warn(_ line: String) { warnings.append(line) }

    /// Takes back what was said of a function that turned out to have gone.
    mutating func forgetWarnings(after count: Int) {
        warnings.removeSubrange(count...)
        if let lastWord { warn(lastWord) }
        lastWord = nil
    }

    /// An attribute's text without its final newline.
    mutating func contents(of name: String, in directory: borrowing Directory) throws(Errno) -> String {
        try contents { unsafe openat(directory.descriptor, name, O_RDONLY | O_CLOEXEC) }
    }

    /// A file's text without its final newline; nil when it cannot be read.
    mutating func contents(ofFile path: String) -> String? {
        try? contents { unsafe open(path, O_RDONLY | O_CLOEXEC) }
    }

    private mutating func contents(opening: () -> CInt) throws(Errno) -> String {
        let file = opening()
        guard file >= 0 else { throw Errno(rawValue: errno) }
        defer { close(file) }
        while true {
            // SAFETY: the kernel writes at most the length of the buffer that lends itself for the call.
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
            if count >= 0 {
                // What fills a page goes on after it: no attribute does, and the first part of it is not its value.
                guard count < buffer.count else { throw .fileTooLarge }
                return try text(count)
            }
            guard errno == EINTR else { throw Errno(rawValue: errno) }
        }
    }

    /// The lines of a long file that start alike; nil when it cannot be read.
    ///
    /// Of modules.alias that is a handful out of tens of thousands.
    static func lines(ofFile path: String, startingWith prefix: String) -> [String]? {
        // SAFETY: the string outlives the call.
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        let prefix = Array(prefix.utf8)
        var lines: [String] = []
        var rest: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        func take(_ line: ArraySlice<UInt8>) {
            if line.starts(with: prefix) { lines.append(String(decoding: line, as: UTF8.self)) }
        }
        while true {
            // SAFETY: the kernel writes at most the length of the buffer that lends itself for the call.
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            rest += buffer[..<count]
            var start = 0
            while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                take(rest[start..<end])
                start = end + 1
            }
            rest.removeFirst(start)
        }
        take(rest[...])
        return lines
    }

    /// Where a link points, as it is written.
    mutating func target(of name: String, in directory: borrowing Directory) throws(Errno) -> String {
        // SAFETY: the kernel writes at most the length of the buffer that lends itself for the call.
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            let place = unsafe bytes.assumingMemoryBound(to: CChar.self)
            guard let start = place.baseAddress else { return 0 }
            return unsafe readlinkat(directory.descriptor, name, start, place.count)
        }
        guard count >= 0 else { throw Errno(rawValue: errno) }
        return try text(count)
    }

    /// The first `count` bytes of the buffer, without what ends the line.
    ///
    /// - Throws: EILSEQ for what is not UTF-8: a name with something else put in its place would be another name.
    private func text(_ count: Int) throws(Errno) -> String {
        var end = count
        while end > 0, buffer[end - 1] <= UInt8(ascii: " ") { end -= 1 }
        guard let text = String(validating: buffer[..<end], as: UTF8.self) else { throw .illegalByteSequence }
        return text
    }
}

extension ReadPass {
    /// An attribute that may be absent: nil then, and nil with a warning when it cannot be read.
    mutating func text(_ name: String, in directory: borrowing Directory, of subject: String) throws(Vanished)
        -> String?
    {
        do {
            return try contents(of: name, in: directory)
        } catch {
            return try absence(of: name, subject: subject, error)
        }
    }

    /// The last name on the path that a link points to; nil without the link.
    mutating func linkName(_ name: String, in directory: borrowing Directory, of subject: String) throws(Vanished)
        -> String?
    {
        do {
            return try target(of: name, in: directory).split(separator: "/").last.map(String.init)
        } catch {
            return try absence(of: name, subject: subject, error)
        }
    }

    /// An attribute that means something: nil when absent, and nil with a warning when it means nothing known.
    mutating func value<Value>(
        _ name: String, in directory: borrowing Directory, of subject: String, _ parse: (String) -> Value?
    ) throws(Vanished) -> Value? {
        guard let text = try text(name, in: directory, of: subject) else { return nil }
        guard let value = parse(text) else {
            let shown = text.count > 80 ? text.prefix(80) + "…" : text
            warn("\(subject): \(name) reads '\(shown)', which is not understood")
            return nil
        }
        return value
    }

    private mutating func absence(of name: String, subject: String, _ problem: Errno) throws(Vanished) -> String? {
        switch problem.rawValue {
        case ENOENT: break
        // The kernel removes the device at this moment: sysfs refuses what was opened before.
        case ENODEV: throw Vanished()
        default: warn("\(subject): cannot read \(name): \(problem)")
        }
        return nil
    }
}

/// How the kernel writes numbers.
enum SysfsText {
    /// `0x8086`.
    static func hex<Value: FixedWidthInteger>(_ text: String) -> Value? {
        Value(text.hasPrefix("0x") ? text.dropFirst(2) : Substring(text), radix: 16)
    }

    /// A number that cannot be negative.
    static func count(_ text: String) -> Int? { Int(text).flatMap { $0 >= 0 ? $0 : nil } }

    /// `0` or `1`.
    static func flag(_ text: String) -> Bool? {
        switch text {
        case "0": false
        case "1": true
        default: nil
        }
    }

    /// The last PCI function named on a device path: the function that a device is, or belongs to.
    static func lastFunction(onPath path: some StringProtocol) -> PCIAddress? {
        for component in path.split(separator: "/").reversed() {
            // Only in full, as the kernel names its folders; a shorter form would be something else.
            if component.contains("."), let address = try? PCIAddress(String(component)),
                address.description == component
            {
                return address
            }
        }
        return nil
    }
}
