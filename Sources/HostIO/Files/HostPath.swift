// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc

/// A file of a host, by its path below the host's root.
///
/// It is opened only by its own functions and by ``Directory``, so that no reader can leave a captured tree.
package struct HostPath: Hashable, Sendable, CustomStringConvertible {
    /// With the root before it, for messages.
    package let description: String
    /// nil on the running host.
    let tree: HostTree?

    init(_ path: String, in tree: HostTree?) {
        description = path
        self.tree = tree
    }

    package static func + (path: HostPath, rest: String) -> HostPath {
        HostPath(path.description + rest, in: path.tree)
    }

    package static func == (left: HostPath, right: HostPath) -> Bool { left.description == right.description }

    package func hash(into hasher: inout Hasher) { hasher.combine(description) }

    /// Whether it exists; for a link, whether its target does.
    package var exists: Bool {
        // SAFETY: the string outlives the call, which keeps no pointer.
        guard let tree else { return unsafe access(description, F_OK) == 0 }
        return tree.status(of: self) != nil
    }

    /// Whether there is an entry of this name: a link counts itself.
    package var isEntry: Bool {
        guard let tree else {
            var status = stat()
            // SAFETY: the string and the structure outlive the call.
            return unsafe lstat(description, &status) == 0 || errno != ENOENT
        }
        return tree.status(of: self, O_NOFOLLOW) != nil || errno != ENOENT
    }

    /// The file's permission bits; of a link, those of its target. nil without the file.
    var permissions: mode_t? {
        guard let tree else {
            var status = stat()
            // SAFETY: the string and the structure outlive the call.
            return unsafe stat(description, &status) == 0 ? status.st_mode & 0o7777 : nil
        }
        return tree.status(of: self).map { $0.st_mode & 0o7777 }
    }

    /// Opens the file. In a captured tree only a regular one: opening a device can change it, and a pipe's writer may
    /// never come.
    ///
    /// - Returns: its descriptor; -1, and `errno`, when it cannot be opened.
    package func open(_ flags: CInt) -> CInt {
        if let tree { return tree.openRegular(self, flags) }
        // SAFETY: the string outlives the call.
        return unsafe Glibc.open(description, flags | O_CLOEXEC)
    }

    /// The same for a folder.
    func openFolder() -> CInt {
        if let tree { return tree.open(self, O_RDONLY | O_DIRECTORY) }
        // SAFETY: the string outlives the call.
        return unsafe Glibc.open(description, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
}
