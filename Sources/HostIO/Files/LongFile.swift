// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc

/// Finds a few lines in a file of megabytes.
enum LongFile {
    /// The lines that start with a prefix; nil when the file cannot be read.
    ///
    /// In modules.alias those are a few of tens of thousands.
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
            // SAFETY: the kernel writes at most the length of the buffer, which lends its bytes until the call returns.
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
}
