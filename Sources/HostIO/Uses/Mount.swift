// SPDX-License-Identifier: GPL-3.0-or-later

/// One line of a mount table: `36 35 259:2 / /var rw,noatime shared:1 - ext4 /dev/nvme0n1p2 rw`.
struct Mount: Equatable {
    /// `259:2`.
    let number: String
    let major: Int
    let point: String
    let source: String

    init?(line: Substring) {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count > 6, let major = words[2].split(separator: ":").first.flatMap({ Int($0) }),
            let dash = words.dropFirst(6).firstIndex(of: "-"), dash + 2 < words.count
        else { return nil }
        number = String(words[2])
        self.major = major
        point = Self.unescaped(words[4])
        source = Self.unescaped(words[dash + 2])
    }

    /// Decodes white space and backslashes, which the kernel writes as three octal digits.
    private static func unescaped(_ text: Substring) -> String {
        guard text.contains("\\") else { return String(text) }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8) {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
