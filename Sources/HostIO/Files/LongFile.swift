// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc

/// Finds a few lines in a file of megabytes.
enum LongFile {
    /// The lines that start with a prefix; nil when the file cannot be read.
    ///
    /// In modules.alias those are a few of tens of thousands.
    ///
    /// - Parameter limit: the most bytes that are read of the file.
    static func lines(ofFile path: HostPath, startingWith prefix: String, limit: Int = 64 << 20) -> [String]? {
        let file = path.open(O_RDONLY)
        guard file >= 0 else { return nil }
        defer { close(file) }
        let prefix = Array(prefix.utf8)
        var lines: [String] = []
        var rest: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        func take(_ line: ArraySlice<UInt8>) {
            if line.starts(with: prefix) { lines.append(String(decoding: line, as: UTF8.self)) }
        }
        var left = limit
        while left > 0 {
            // SAFETY: the kernel writes at most the length of the buffer, which lends its bytes until the call returns.
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            left -= count
            var start = 0
            var searched = rest.count
            rest += buffer[..<count]
            while let end = rest[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                searched = end + 1
                take(rest[start..<end])
                start = end + 1
            }
            rest.removeFirst(start)
        }
        take(rest[...])
        return lines
    }
}
