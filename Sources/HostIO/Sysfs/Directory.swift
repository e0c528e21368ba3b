// SPDX-License-Identifier: GPL-3.0-or-later
import CDirectory
import Glibc
import SystemPackage

/// An open folder: what lies in it is opened relative to it, so that a name is resolved once.
///
/// The kernel's folders go away under the reader; what is then opened relative to one fails with ENOENT.
struct Directory: ~Copyable {
    let descriptor: CInt
    private let isLent: Bool

    /// Someone else's, who keeps it open for longer than this lives.
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

    /// Whether there is such an entry, and a link's target.
    func contains(_ name: String) -> Bool {
        // SAFETY: as above.
        unsafe faccessat(descriptor, name, F_OK, 0) == 0
    }

    /// Every entry but `.` and `..`, in the order the kernel tells them. Once for each opened folder.
    ///
    /// Source: getdents64(2), `struct linux_dirent64`.
    func names() throws(Errno) -> [String] {
        var names: [String] = []
        var buffer = [UInt8](leftAsItIs: 32768)
        while true {
            // SAFETY: the kernel writes at most the length of the buffer that lends itself for the call.
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                guard let base = bytes.baseAddress else { return 0 }
                return unsafe directory_entries(descriptor, base, bytes.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Errno(rawValue: errno) }
            guard count > 0 else { return names }
            var entry = 0
            while entry < count {
                // The inode and the offset have 8 bytes each, the length 2, the type 1; then the name, up to a NUL.
                let length = Int(buffer[entry + 16]) | Int(buffer[entry + 17]) << 8
                var end = entry + 19
                while end < entry + length, buffer[end] != 0 { end += 1 }
                let name = String(decoding: buffer[entry + 19..<end], as: UTF8.self)
                if name != ".", name != ".." { names.append(name) }
                entry += length
            }
        }
    }
}

extension [UInt8] {
    /// So many bytes of whatever was there before, for what the kernel is about to write: to clear them first would take
    /// longer than most of what is then read.
    init(leftAsItIs count: Int) {
        // SAFETY: every pattern of bits is a byte.
        self = unsafe [UInt8](unsafeUninitializedCapacity: count) { $1 = count }
    }
}
