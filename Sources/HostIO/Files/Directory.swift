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
    /// Its path in a captured tree, where links and `..` must not lead out; nil on the running host.
    private let captured: HostPath?

    /// For another thread, which must not use it for longer than the folder lives.
    struct Loan: Sendable {
        fileprivate let descriptor: CInt
        fileprivate let captured: HostPath?
    }

    var loan: Loan { Loan(descriptor: descriptor, captured: captured) }

    init(_ loan: Loan) {
        descriptor = loan.descriptor
        captured = loan.captured
        isLent = true
    }

    init(_ path: HostPath) throws(Errno) {
        let opened = path.openFolder()
        guard opened >= 0 else { throw Errno(rawValue: errno) }
        descriptor = opened
        captured = path.tree == nil ? nil : path
        isLent = false
    }

    init(_ name: String, in parent: borrowing Directory) throws(Errno) {
        let path = parent.captured.map { $0 + "/" + name }
        let opened: CInt
        if let path {
            opened = path.openFolder()
        } else {
            // SAFETY: the string outlives the call, which keeps no pointer.
            opened = unsafe openat(parent.descriptor, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        guard opened >= 0 else { throw Errno(rawValue: errno) }
        descriptor = opened
        captured = path
        isLent = false
    }

    deinit { if !isLent { close(descriptor) } }

    /// Whether the folder has such an entry; for a link, whether its target exists.
    func contains(_ name: String) -> Bool {
        if let captured { return (captured + "/" + name).exists }
        // SAFETY: as above.
        return unsafe faccessat(descriptor, name, F_OK, 0) == 0
    }

    /// Opens a file of the folder for reading.
    ///
    /// - Returns: its descriptor; -1, and `errno`, when it cannot be opened.
    func file(_ name: String) -> CInt {
        if let captured { return file(name, captured) }
        // SAFETY: as above.
        return unsafe openat(descriptor, name, O_RDONLY | O_CLOEXEC)
    }

    func file(_ name: StaticString) -> CInt {
        if let captured { return file(name.description, captured) }
        // SAFETY: a literal ends with a NUL and lives as long as the program.
        return unsafe openat(descriptor, name.pointer, O_RDONLY | O_CLOEXEC)
    }

    private func file(_ name: String, _ folder: HostPath) -> CInt {
        var status = stat()
        // Most files are the folder's own: no path has to be resolved for them.
        // SAFETY: the string and the structure outlive the calls.
        guard !name.utf8.contains(UInt8(ascii: "/")),
            unsafe fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
            status.st_mode & S_IFMT == S_IFREG
        else { return (folder + "/" + name).open(O_RDONLY) }
        return unsafe openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    }

    /// readlinkat(2) for a link of the folder.
    func readLink(_ name: StaticString, _ buffer: UnsafeMutablePointer<CChar>, _ size: Int) -> Int {
        // SAFETY: a literal ends with a NUL; the kernel writes at most the size of the caller's buffer. So below.
        unsafe readlinkat(descriptor, name.pointer, buffer, size)
    }

    func readLink(_ name: String, _ buffer: UnsafeMutablePointer<CChar>, _ size: Int) -> Int {
        // Only folders on the way to a link are followed.
        guard let captured, let tree = captured.tree, name.utf8.contains(UInt8(ascii: "/")) else {
            return unsafe readlinkat(descriptor, name, buffer, size)
        }
        let link = tree.open(captured + "/" + name, HostTree.pathOnly | O_NOFOLLOW)
        guard link >= 0 else { return -1 }
        defer { close(link) }
        return unsafe readlinkat(link, "", buffer, size)
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

extension StaticString {
    /// For the C library.
    @unsafe fileprivate var pointer: UnsafePointer<CChar> {
        unsafe UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
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
