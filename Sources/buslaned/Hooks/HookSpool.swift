// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import Foundation
import Glibc
import Ledger
import Logging
import Wire

/// The files of reports that hooks wrote while the daemon did not answer. The file names sort by time.
struct HookSpool: Sendable {
    let folder: String
    let calls: HookCalls
    let logger: Logger

    /// Processes and removes all reports. Two concurrent runs are harmless: a stop that is handled twice finds another
    /// generation of the claim the second time.
    func takeIn() async {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names.sorted() where name.hasSuffix(SpoolPlace.fileEnding) {
            let path = folder + "/" + name
            do {
                let call = try JSONDecoder().decode(HookRequest.self, from: try Self.content(of: path))
                try await calls.handle(call, about: try Domain(parsing: call.xml), isLate: true, by: .daemon)
                logger.notice(
                    "processed a report from the hook's spool",
                    metadata: ["domain": "\(call.domain)", "operation": "\(call.operation)"])
            } catch  where !FileManager.default.fileExists(atPath: path) {
                continue
            } catch {
                logger.warning(
                    "cannot use a report in the hook's spool",
                    metadata: ["file": "\(path)", "reason": "\(error)"])
            }
            // Removed even after an error. SpoolService later ends uses that this report should have ended.
            // SAFETY: the string lives until the call returns.
            unsafe unlink(path)
        }
    }

    /// Hooks write regular files. A link could lead anywhere, and the opening of a pipe would wait for a writer.
    private static func content(of path: String) throws -> Data {
        // SAFETY: the string lives until the call returns.
        let descriptor = unsafe open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ELOOP { throw NotAReport() }
            throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var status = stat()
        // SAFETY: the kernel fills the structure, which lives until the call returns.
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw NotAReport() }
        return try file.read(upToCount: SpoolPlace.maximumSize) ?? Data()
    }
}

private struct NotAReport: Error, CustomStringConvertible {
    let description = "it is not a regular file"
}
