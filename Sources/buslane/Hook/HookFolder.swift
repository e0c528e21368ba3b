// SPDX-License-Identifier: GPL-3.0-or-later
import FoundationEssentials
import Glibc

/// The folder from which libvirt runs hooks, and its content.
///
/// libvirt runs `qemu`, then every executable file in `qemu.d` in name order, hidden files and backups included.
///
/// Source: https://libvirt.org/hooks.html; src/util/virhook.c.
struct HookFolder {
    /// `/etc/libvirt/hooks`.
    let path: String

    static let standard = "/etc/libvirt/hooks"
    static let name = "50-buslane"
    /// A text that every version of the hook contains, and hardly any other program.
    private static let mark = Array("urn:buslane:request:".utf8)

    /// Whether a program contains the mark. The standard library's search takes seconds for a program of some megabytes.
    private static func isMarked(_ program: [UInt8]) -> Bool {
        unsafe program.withUnsafeBytes { program in
            guard let start = program.baseAddress, let first = mark.first else { return false }
            var offset = 0
            // SAFETY: the program lends its bytes until the block ends; every access ends at `program.count` or before.
            while offset + mark.count <= program.count,
                let hit = unsafe memchr(start + offset, CInt(first), program.count - offset - mark.count + 1)
            {
                if unsafe memcmp(hit, mark, mark.count) == 0 { return true }
                offset = unsafe start.distance(to: hit) + 1
            }
            return false
        }
    }

    var hook: String { path + "/qemu.d/" + Self.name }

    /// A program that libvirt runs as a hook.
    struct Program: Equatable {
        let path: String
        /// Some version of Buslane's hook.
        let isBuslane: Bool
        /// When the file last changed.
        let changedAt: Date
    }

    /// What is at the hook's path.
    enum Place: Equatable {
        case absent
        /// The version that was installed with this program.
        case installed
        /// Another version, or a modified one.
        case different
        /// libvirt ignores it.
        case notExecutable
        /// Another program, or not a regular file.
        case foreign
    }

    /// In the order in which libvirt runs them.
    func programs() -> [Program] {
        let inFolder = (try? FileManager.default.contentsOfDirectory(atPath: path + "/qemu.d")) ?? []
        // libvirt sorts by strcmp(3).
        let names = inFolder.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
        return ([path + "/qemu"] + names.map { path + "/qemu.d/" + $0 }).compactMap(Self.program)
    }

    /// - Parameter pristine: the hook that was installed with this program; nil if it is missing.
    func place(comparedWith pristine: [UInt8]?) -> Place {
        var status = stat()
        // SAFETY: the string and the structure live until the call returns.
        guard unsafe lstat(hook, &status) == 0 else { return .absent }
        guard status.st_mode & S_IFMT == S_IFREG, let content = try? File.read(hook),
            Self.isMarked(content)
        else { return .foreign }
        guard status.st_mode & 0o111 != 0 else { return .notExecutable }
        return pristine == nil || pristine == content ? .installed : .different
    }

    /// Installs the hook, whole or not at all.
    ///
    /// libvirt runs every executable file in `qemu.d`. So the file gets its content and its mode in the folder above, of
    /// whose files libvirt runs only those with certain names, and is moved from there.
    func install(_ content: [UInt8]) throws(Failure) {
        do {
            try File.makeFolder(path)
            try File.makeFolder(path + "/qemu.d")
        } catch {
            throw Failure(.refused, "hook-not-installed", subject: hook, "cannot install \(hook): \(error)")
        }
        do {
            try File.install(content, at: hook, by: path + "/.buslane-hook.new")
        } catch {
            throw Failure(.refused, "hook-not-changed", subject: hook, "cannot install \(hook): \(error)")
        }
    }

    func remove() throws(Failure) {
        // SAFETY: the string lives until the call returns.
        guard unsafe unlink(hook) != 0, errno != ENOENT else { return }
        // SAFETY: the C library returns a string that lives until the next call.
        let reason = unsafe String(cString: strerror(errno))
        throw Failure(.refused, "hook-not-changed", subject: hook, "cannot remove \(hook): \(reason)")
    }

    private static func program(at path: String) -> Program? {
        var status = stat()
        // libvirt follows links.
        // SAFETY: the string and the structure live until the call returns.
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o111 != 0 else {
            return nil
        }
        let content = try? File.read(path)
        return Program(
            path: path, isBuslane: content.map(isMarked) ?? false,
            changedAt: Date(timeIntervalSince1970: Double(status.st_ctim.tv_sec)))
    }
}
