// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc

/// The domain's XML as libvirt writes it to the hook, and whether it concerns Buslane.
struct DomainInput {
    /// Empty for an XML that does not concern Buslane, and for one that is too large.
    private(set) var bytes: [UInt8] = []
    private(set) var concernsBuslane = false
    private(set) var isTooLarge = false
    /// The error at which the reading ended; nil without one.
    private(set) var failure: Int32?
    /// Whether it ended with the domain's last tag.
    private(set) var isComplete = false

    /// In bytes. With JSON's escapes it is still below the daemon's limit; a large domain has 100 KiB.
    static let limit = 6 << 20
    /// The text that shows a device of Buslane's, or a request for one.
    private static let marks = ["ua-buslane-", "urn:buslane:request:"].map { Array($0.utf8) }

    /// Reads to the end, or until the rest cannot change the result.
    static func read(from file: Int32) -> DomainInput {
        var input = DomainInput()
        let keep = (marks.map(\.count).max() ?? 1) - 1
        var chunk = [UInt8](repeating: 0, count: 32768)
        while true {
            // SAFETY: the kernel writes at most the length of the array, which lends its bytes until the call returns.
            let count = unsafe Glibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { input.failure = errno }
            guard count > 0 else { break }
            // A mark may be split over two reads.
            let seen = max(0, input.bytes.count - keep)
            input.bytes += chunk.prefix(count)
            if !input.concernsBuslane { input.concernsBuslane = input.hasMark(from: seen) }
            if input.bytes.count > limit {
                input.isTooLarge = true
                if input.concernsBuslane { break }
                input.bytes.removeFirst(input.bytes.count - keep)
            }
        }
        input.isComplete = input.endsWithDomain
        if input.isTooLarge || !input.concernsBuslane { input.bytes = [] }
        return input
    }

    private var endsWithDomain: Bool {
        guard let last = bytes.lastIndex(where: { $0 > 0x20 }) else { return false }
        let tag = Array("</domain>".utf8)
        return bytes[...last].suffix(tag.count).elementsEqual(tag)
    }

    private func hasMark(from start: Int) -> Bool {
        // SAFETY: the bytes are read only inside the closure.
        unsafe bytes[start...].withUnsafeBytes { text in
            Self.marks.contains { mark in
                text.indices.dropLast(mark.count - 1).contains { position in
                    unsafe text[position] == mark[0] && text[position...].starts(with: mark)
                }
            }
        }
    }
}
