// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import SystemPackage

/// Whole files, by system calls: an error is the kernel's own, and says in words why.
enum File {
    static func read(_ path: String) throws(Errno) -> [UInt8] {
        let file = try opened(path, .readOnly)
        defer { try? file.close() }
        return try read(file)
    }

    /// Everything up to the end, of a pipe too.
    static func read(_ file: FileDescriptor) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65536)
        while true {
            // SAFETY: the array lends its bytes until the call returns.
            let count = try withErrno { try unsafe part.withUnsafeMutableBytes { try unsafe file.read(into: $0) } }
            guard count > 0 else { return bytes }
            bytes += part.prefix(count)
        }
    }

    /// Creates the file, or replaces its content.
    static func write(_ path: String, _ bytes: some Sequence<UInt8>) throws(Errno) {
        let file = try opened(
            path, .writeOnly, [.create, .truncate], [.ownerReadWrite, .groupReadWrite, .otherReadWrite])
        defer { try? file.close() }
        try withErrno { _ = try file.writeAll(bytes) }
    }

    /// - Throws: `EEXIST` when there is such a file: it is not touched.
    static func create(_ path: String, _ bytes: some Sequence<UInt8>) throws(Errno) {
        let file = try opened(path, .writeOnly, [.create, .exclusiveCreate], [.ownerReadWrite])
        defer { try? file.close() }
        try withErrno { _ = try file.writeAll(bytes) }
    }

    static func exists(_ path: String) -> Bool {
        // SAFETY: the string lives until the call returns.
        unsafe access(path, F_OK) == 0
    }

    /// Removes a file, if it exists.
    static func remove(_ path: String) {
        // SAFETY: the string lives until the call returns.
        unsafe unlink(path)
    }

    /// Installs a program at a path: whole or not at all, even after a power loss.
    ///
    /// - Parameter staging: where the file gets its content and its mode, on the same file system.
    static func install(_ program: some Sequence<UInt8>, at path: String, by staging: String) throws(Errno) {
        // SAFETY: the strings live until the calls return; so in every call below.
        unsafe unlink(staging)
        do {
            let file = try opened(staging, .writeOnly, [.create, .exclusiveCreate], [.ownerReadWrite])
            defer { try? file.close() }
            try withErrno { _ = try file.writeAll(program) }
            try check(fchmod(file.rawValue, 0o755))
            try check(fsync(file.rawValue))
            try check(unsafe rename(staging, path))
        } catch {
            unsafe unlink(staging)
            throw error
        }
    }

    /// Nothing happens where there is one.
    static func makeFolder(_ path: String) throws(Errno) {
        // SAFETY: the string lives until the call returns.
        guard unsafe mkdir(path, 0o755) != 0, errno != EEXIST else { return }
        throw Errno(rawValue: errno)
    }

    private static func opened(
        _ path: String, _ mode: FileDescriptor.AccessMode, _ options: FileDescriptor.OpenOptions = [],
        _ permissions: FilePermissions? = nil
    ) throws(Errno) -> FileDescriptor {
        try withErrno {
            try FileDescriptor.open(
                FilePath(path), mode, options: options.union(.closeOnExec), permissions: permissions)
        }
    }

    private static func check(_ result: Int32) throws(Errno) {
        if result != 0 { throw Errno(rawValue: errno) }
    }

    /// swift-system throws nothing but `Errno`, and does not say so in its types.
    private static func withErrno<Result>(_ call: () throws -> Result) throws(Errno) -> Result {
        do { return try call() } catch { throw error as? Errno ?? .ioError }
    }
}
