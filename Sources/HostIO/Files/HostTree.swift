// SPDX-License-Identifier: GPL-3.0-or-later
import CDirectory
import Glibc
import Synchronization

/// The files of another host, in a folder of this one. A stranger may have made them.
///
/// A path never leads out of the folder: a link with an absolute target begins at the root, as on the host that the tree is
/// of, and `..` at the root stays there.
final class HostTree: Sendable {
    /// Without a trailing slash.
    let root: String
    /// Opened at the first use; -1 before.
    private let descriptor = Mutex<CInt>(-1)
    private let hasKernelSupport: Bool

    /// - Parameter hasKernelSupport: whether to use openat2(2), where the kernel has it. Linux has it since 5.6; some
    ///   sandboxes forbid it.
    init(root: String, hasKernelSupport: Bool = true) {
        self.root = root
        self.hasKernelSupport = hasKernelSupport
    }

    /// O_PATH: a descriptor of the place, of which nothing is opened.
    static let pathOnly = directory_path_only()

    deinit { descriptor.withLock { if $0 >= 0 { close($0) } } }

    /// Opens a file or folder.
    ///
    /// - Returns: its descriptor; -1, and `errno`, when it cannot be opened.
    func open(_ path: HostPath, _ flags: CInt) -> CInt {
        let folder = rootDescriptor
        guard folder >= 0 else { return -1 }
        let rest = String(path.description.dropFirst(root.count))
        let flags = flags | O_CLOEXEC | (flags & Self.pathOnly == 0 ? O_NONBLOCK | O_NOCTTY : 0)
        if hasKernelSupport {
            // EAGAIN: something was renamed meanwhile, and the kernel cannot tell that `..` stayed inside.
            for _ in 0..<8 {
                // SAFETY: the string outlives the call, which keeps no pointer.
                let file = unsafe directory_open_below(folder, rest.isEmpty ? "/" : rest, flags)
                if file >= 0 || ![EAGAIN, ENOSYS, EPERM].contains(errno) { return file }
                if errno != EAGAIN { break }
            }
        }
        var walk = TreeWalk(from: folder)
        return walk.open(rest, flags)
    }

    /// What a file is; nil, and `errno`, without it.
    func status(of path: HostPath, _ flags: CInt = 0) -> stat? {
        let file = open(path, Self.pathOnly | flags)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        // SAFETY: the kernel fills the structure, which outlives the call.
        return unsafe fstat(file, &status) == 0 ? status : nil
    }

    func openRegular(_ path: HostPath, _ flags: CInt) -> CInt {
        guard let status = status(of: path) else { return -1 }
        guard Self.isRegular(status) else { return -1 }
        return open(path, flags)
    }

    /// Whether it is a regular file; else `errno` says what it is.
    static func isRegular(_ status: stat) -> Bool {
        switch status.st_mode & S_IFMT {
        case S_IFREG: return true
        case S_IFDIR: errno = EISDIR
        default: errno = ENXIO
        }
        return false
    }

    private var rootDescriptor: CInt {
        descriptor.withLock { descriptor in
            // SAFETY: the string outlives the call.
            if descriptor < 0 { descriptor = unsafe Glibc.open(root, HostTree.pathOnly | O_DIRECTORY | O_CLOEXEC) }
            return descriptor
        }
    }
}

/// Resolves a path name by name, as openat2(2) with RESOLVE_IN_ROOT does.
///
/// Source: path_resolution(7); openat2(2).
private struct TreeWalk {
    /// The folders from the root to the present one. The first is the caller's.
    private var folders: [CInt]
    private var links = 0

    /// Source: `MAXSYMLINKS`, path_resolution(7).
    private static let mostLinks = 40

    init(from root: CInt) { folders = [root] }

    private var folder: CInt { folders[folders.count - 1] }

    mutating func open(_ path: String, _ flags: CInt) -> CInt {
        let file = resolve(path, flags)
        let problem = errno
        while folders.count > 1 { leave() }
        errno = problem
        return file
    }

    private mutating func resolve(_ path: String, _ flags: CInt) -> CInt {
        var rest = Self.names(path)
        while let name = rest.popLast() {
            if name == "." { continue }
            if name == ".." {
                if folders.count > 1 { leave() }
                continue
            }
            // SAFETY: the string outlives the call; so in the calls below.
            let entry = unsafe openat(folder, name, HostTree.pathOnly | O_NOFOLLOW | O_CLOEXEC)
            guard entry >= 0 else { return -1 }
            var status = stat()
            // SAFETY: the kernel fills the structure, which outlives the call.
            guard unsafe fstat(entry, &status) == 0 else {
                close(entry)
                return -1
            }
            switch status.st_mode & S_IFMT {
            case S_IFLNK where !(rest.isEmpty && flags & O_NOFOLLOW != 0):
                let target = Self.target(of: entry)
                close(entry)
                guard let target else { return -1 }
                links += 1
                guard links <= Self.mostLinks else {
                    errno = ELOOP
                    return -1
                }
                if target.hasPrefix("/") { while folders.count > 1 { leave() } }
                rest += Self.names(target)
            case S_IFDIR: folders.append(entry)
            default:
                close(entry)
                guard rest.isEmpty else {
                    errno = ENOTDIR
                    return -1
                }
                return unsafe openat(folder, name, flags | O_NOFOLLOW)
            }
        }
        return unsafe openat(folder, ".", flags)
    }

    private mutating func leave() { close(folders.removeLast()) }

    /// The last first.
    private static func names(_ path: String) -> [String] { path.split(separator: "/").reversed().map(String.init) }

    private static func target(of link: CInt) -> String? {
        var buffer = [UInt8](leftAsItIs: Int(PATH_MAX))
        // SAFETY: the kernel writes at most the length of the buffer, which lends its bytes until the call returns.
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            let place = unsafe bytes.assumingMemoryBound(to: CChar.self)
            guard let start = place.baseAddress else { return 0 }
            return unsafe readlinkat(link, "", start, place.count)
        }
        guard count >= 0 else { return nil }
        guard let text = String(validating: buffer[..<count], as: UTF8.self), count < buffer.count else {
            errno = ENOENT
            return nil
        }
        return text
    }
}
