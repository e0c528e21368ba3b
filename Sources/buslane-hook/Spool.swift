// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import Wire

/// Reports for a daemon that could not be reached: it takes them from the spool at its next start.
enum Spool {
    /// Writes a complete file or none: none when the spool is full, or this user may not write there.
    static func leave(_ text: [UInt8], in folder: String) {
        guard text.count <= SpoolPlace.maximumSize else { return }
        // The daemon makes the parent folder at its first start; before that nothing is claimed.
        // SAFETY: the string lives until the call returns.
        guard unsafe mkdir(folder, 0o700) == 0 || errno == EEXIST, count(in: folder) < SpoolPlace.maximumFiles else {
            return
        }
        let unfinished = "\(folder)/\(getpid()).new"
        // SAFETY: the string lives until the call returns; so in every call below.
        let file = unsafe open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return }
        var written = 0
        while written < text.count {
            let count = unsafe text[written...].withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
            if count > 0 { written += count } else if errno != EINTR { break }
        }
        // Not synced: a file that a crash of the host loses would be of an earlier boot.
        guard close(file) == 0, written == text.count else {
            unsafe unlink(unfinished)
            return
        }
        if unsafe rename(unfinished, "\(folder)/\(name())\(SpoolPlace.fileEnding)") != 0 { unsafe unlink(unfinished) }
    }

    /// Names sort by the time of writing.
    private static func name() -> String {
        var now = timespec()
        // SAFETY: the kernel fills the structure, which lives until the call returns.
        unsafe clock_gettime(CLOCK_BOOTTIME, &now)
        let digits = String(now.tv_sec * 1_000_000_000 + now.tv_nsec)
        return String(repeating: "0", count: max(0, 20 - digits.count)) + digits + "-\(getpid())"
    }

    private static func count(in folder: String) -> Int {
        // SAFETY: the listing is open until the end of this function; its entries are only counted.
        guard let listing = unsafe opendir(folder) else { return .max }
        defer { unsafe closedir(listing) }
        var count = 0
        while unsafe readdir(listing) != nil { count += 1 }
        return count
    }
}
