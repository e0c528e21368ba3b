// SPDX-License-Identifier: GPL-3.0-or-later
import CDirectory
import Glibc
import SystemPackage

/// An open folder. Its entries are opened relative to it, so that its own path is resolved once.
///
/// The kernel can remove a folder while it is open; opening one of its entries then fails with ENOENT.
struct Directory: ~Copyable {
    let descriptor: CInt
    private let isLent: Bool

    /// A descriptor that the caller keeps open for longer than this value lives.
    init(lent descriptor: CInt) {
        self.descriptor = descriptor
        isLent = true
    }

    init(_ path: String) throws(Errno) {
        // SAFETY: the string outlives the call, which keeps no pointer.
        let opened = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0 else { throw Errno(rawValue: errno) }
        descriptor = opened
        isLent = false
    }

    init(_ name: String, in parent: borrowing Directory) throws(Errno) {
        // SAFETY: as above.
        let opened = unsafe openat(parent.descriptor, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0 else { throw Errno(rawValue: errno) }
        descriptor = opened
        isLent = false
    }

    deinit { if !isLent { close(descriptor) } }

    /// Whether the folder has such an entry; for a link, whether its target exists.
    func contains(_ name: String) -> Bool {
        // SAFETY: as above.
        unsafe faccessat(descriptor, name, F_OK, 0) == 0
    }

    /// The names of all entries except `.` and `..`, in the kernel's order. Works once for each open folder.
    ///
    /// Source: getdents64(2), `struct linux_dirent64`.
    func names() throws(Errno) -> [String] {
        var names: [String] = []
        try forEachName { names.append(String(decoding: $0, as: UTF8.self)) }
        return names
    }

    /// The same without a string for each name, where only a few of them count.
    func forEachName(_ body: (ArraySlice<UInt8>) -> Void) throws(Errno) {
        var buffer = [UInt8](leftAsItIs: 32768)
        while true {
            // SAFETY: the kernel writes at most the length of the buffer, which lends its bytes until the call returns.
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                guard let base = bytes.baseAddress else { return 0 }
                return unsafe directory_entries(descriptor, base, bytes.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Errno(rawValue: errno) }
            guard count > 0 else { return }
            var entry = 0
            while entry < count {
                // 8 bytes inode, 8 offset, 2 length, 1 type; then the name, which ends with a NUL.
                let length = Int(buffer[entry + 16]) | Int(buffer[entry + 17]) << 8
                let start = entry + 19
                var end = start
                while end < entry + length, buffer[end] != 0 { end += 1 }
                if !buffer[start..<end].isDots { body(buffer[start..<end]) }
                entry += length
            }
        }
    }
}

extension ArraySlice<UInt8> {
    /// Whether it is `.` or `..`.
    fileprivate var isDots: Bool { count <= 2 && allSatisfy { $0 == UInt8(ascii: ".") } }
}

extension [UInt8] {
    /// An array of uninitialised bytes, for a buffer that the kernel writes to. Clearing it would take longer than most
    /// reads.
    init(leftAsItIs count: Int) {
        // SAFETY: every bit pattern is a valid byte.
        self = unsafe [UInt8](unsafeUninitializedCapacity: count) { $1 = count }
    }
}
