// SPDX-License-Identifier: GPL-3.0-or-later

extension String {
    /// The text as one word of a shell command, for remedies that are copied: `'web 1'`. A text without characters that a
    /// shell treats specially stays as it is.
    ///
    /// Source: POSIX.1-2024, Shell Command Language, 2.2 Quoting.
    package var shellWord: String {
        let isPlain = utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "_@%+=:,./-".utf8.contains(byte)
            }
        }
        return isPlain && !isEmpty
            ? self : "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
