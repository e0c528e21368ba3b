// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import SystemPackage

/// Reads whole text files, and records those that exist but may not be read.
struct TextFiles {
    private(set) var unreadable: [HostPath] = []

    /// The most bytes that are read of a file. modules.dep and cpuinfo of a large host have less.
    private static let limit = 8 << 20

    /// A file's text; nil when it does not exist or cannot be read.
    mutating func text(_ path: HostPath, limit: Int = Self.limit) -> String? {
        do {
            return String(decoding: try bytes(path, limit: limit), as: UTF8.self)
        } catch {
            note(path, error)
            return nil
        }
    }

    /// The file's lines without the white space around them, numbered from 1.
    mutating func lines(_ path: HostPath) -> [(number: Int, text: Substring)] {
        text(path).map(Self.lines(of:)) ?? []
    }

    static func lines(of text: String) -> [(number: Int, text: Substring)] {
        text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().map { ($0 + 1, $1.trimmed) }
    }

    /// The sorted names of a folder's entries; nil when it does not exist or cannot be read.
    mutating func names(in folder: HostPath) -> [String]? {
        do {
            return try Directory(folder).names().sorted()
        } catch {
            note(folder, error)
            return nil
        }
    }

    func exists(_ path: HostPath) -> Bool { path.exists }

    private mutating func note(_ path: HostPath, _ problem: Errno) {
        guard problem == .permissionDenied || problem == .notPermitted, !unreadable.contains(path) else { return }
        unreadable.append(path)
    }

    private func bytes(_ path: HostPath, limit: Int) throws(Errno) -> [UInt8] {
        // O_NONBLOCK: an entry of a configuration folder can be a pipe.
        let file = path.open(O_RDONLY | O_NONBLOCK)
        guard file >= 0 else { throw Errno(rawValue: errno) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while bytes.count < limit {
            // SAFETY: the kernel writes at most the length of the buffer, which lends its bytes until the call returns.
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
            if count == 0 { break }
            if count > 0 {
                bytes += chunk.prefix(count)
            } else if errno != EINTR {
                throw Errno(rawValue: errno)
            }
        }
        return bytes
    }
}

extension StringProtocol {
    /// Without the white space around it.
    var trimmed: SubSequence {
        let tail = drop { $0.isWhitespace }
        guard let last = tail.lastIndex(where: { !$0.isWhitespace }) else { return tail }
        return tail[...last]
    }

    /// The parts between white space.
    var words: [SubSequence] { split(whereSeparator: \.isWhitespace) }
}
