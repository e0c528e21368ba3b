// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import DomainXML
import Foundation
import Ledger
import Wire

/// What hooks could not tell while nobody listened: a file each, taken in by the order of their names, which is that of
/// time.
struct HookSpool: Sendable {
    let folder: String

    /// Takes in what is there. Twice at once does no harm: a stop that was dealt with is of an earlier generation.
    func takeIn(by reconciler: Reconciler) async {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names.sorted() where name.hasSuffix(SpoolPlace.fileEnding) {
            let path = folder + "/" + name
            do {
                let call = try JSON.decode(HookRequest.self, from: try Self.bytes(of: path))
                try await reconciler.hook(call, about: try Domain(parsing: call.xml), isLate: true, by: .daemon)
                reconciler.logger.notice(
                    "taken in what a hook left",
                    metadata: ["domain": "\(call.domain)", "operation": "\(call.operation)"])
            } catch  where !FileManager.default.fileExists(atPath: path) {
                continue
            } catch {
                reconciler.logger.warning(
                    "what a hook left is not understood, or came to nothing",
                    metadata: ["file": "\(path)", "reason": "\(error)"])
            }
            // Never twice: what was not settled by it is found again by what runs and what does not.
            try? FileManager.default.removeItem(atPath: path)
        }
    }

    private static func bytes(of path: String) throws -> [UInt8] {
        let file = try FileHandle(forReadingFrom: URL(filePath: path))
        defer { try? file.close() }
        return [UInt8](try file.read(upToCount: SpoolPlace.maximumSize) ?? Data())
    }
}
