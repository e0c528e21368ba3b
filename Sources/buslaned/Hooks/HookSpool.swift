// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import Foundation
import Ledger
import Logging
import Wire

/// Reports that hooks left as files while the daemon did not answer. The order of the file names is that of time.
struct HookSpool: Sendable {
    let folder: String
    let calls: HookCalls
    let logger: Logger

    /// Takes in and removes all reports. Two runs at once do no harm: a stop that was handled is of an earlier
    /// generation.
    func takeIn() async {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names.sorted() where name.hasSuffix(SpoolPlace.fileEnding) {
            let path = folder + "/" + name
            do {
                let call = try JSONDecoder().decode(HookRequest.self, from: try Self.content(of: path))
                try await calls.handle(call, about: try Domain(parsing: call.xml), isLate: true, by: .daemon)
                logger.notice(
                    "took in a report that a hook left",
                    metadata: ["domain": "\(call.domain)", "operation": "\(call.operation)"])
            } catch  where !FileManager.default.fileExists(atPath: path) {
                continue
            } catch {
                logger.warning(
                    "a report that a hook left could not be used",
                    metadata: ["file": "\(path)", "reason": "\(error)"])
            }
            // Never taken in twice. Whatever it did not end is found later by what runs and what does not.
            try? FileManager.default.removeItem(atPath: path)
        }
    }

    private static func content(of path: String) throws -> Data {
        let file = try FileHandle(forReadingFrom: URL(filePath: path))
        defer { try? file.close() }
        return try file.read(upToCount: SpoolPlace.maximumSize) ?? Data()
    }
}
