// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
import GRDB

/// Runs the ledger's queries, one after the other.
///
/// They never block the caller's thread, which other tasks may need. Their queue needs half of the thread switches of
/// GRDB's own asynchronous reading.
final class Queries: Sendable {
    private let database: any DatabaseReader
    private let queue = DispatchQueue(label: "buslane.ledger.reading")

    init(_ database: any DatabaseReader) { self.database = database }

    func run<Value: Sendable>(_ query: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [database] in continuation.resume(with: Result { try database.read(query) }) }
        }
    }
}
