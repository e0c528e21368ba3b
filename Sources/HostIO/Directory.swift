// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import SystemPackage

/// An open folder: what lies in it is opened relative to it, so that a name is resolved once.
///
/// The kernel's folders go away under the reader; what is then opened relative to one fails with ENOENT.
struct Directory: ~Copyable {
    let descriptor: CInt

    init(_ path: String) throws(Errno) {
        // SAFETY: the string outlives the call, which keeps no pointer.
        let opened = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0 else { throw Errno(rawValue: errno) }
        descriptor = opened
    }

    init(_ name: String, in parent: borrowing Directory) throws(Errno) {
        // SAFETY: as above.
        let opened = unsafe openat(parent.descriptor, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0 else { throw Errno(rawValue: errno) }
        descriptor = opened
    }

    deinit { close(descriptor) }

    /// Whether there is such an entry, and a link's target.
    func contains(_ name: String) -> Bool {
        // SAFETY: as above.
        unsafe faccessat(descriptor, name, F_OK, 0) == 0
    }

    /// Every entry but `.` and `..`, in the order the kernel tells them.
    func names() throws(Errno) -> [String] {
        // A descriptor of its own: readdir moves its position, and closedir closes it.
        // SAFETY: the literal outlives the call.
        let copy = unsafe openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { throw Errno(rawValue: errno) }
        guard let stream = unsafe fdopendir(copy) else {
            let problem = Errno(rawValue: errno)
            close(copy)
            throw problem
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        // SAFETY: the entry is valid until the next readdir on this stream; its name ends with a NUL and is copied.
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
                unsafe field.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: field.pointee)) {
                    unsafe String(cString: $0)
                }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
