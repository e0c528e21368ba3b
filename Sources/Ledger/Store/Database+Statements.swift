// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import GRDB
import HostModel

extension Database {
    /// Executes one statement. It is cached: compiling the text takes longer than most statements run.
    func run(_ sql: String, _ arguments: StatementArguments) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }

    /// All rows of a query. The statement is cached too.
    func rows(_ sql: String, _ arguments: StatementArguments = []) throws -> [Row] {
        try Row.fetchAll(cachedStatement(sql: sql), arguments: arguments)
    }
}

extension Set<PCIAddress> {
    /// A list for SQL's `IN (…)`. An address has no characters that need quoting.
    var sqlList: String { map { "'\($0)'" }.joined(separator: ",") }
}

func toJSON(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}

func fromJSON<Value: Decodable>(_ text: String) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(text.utf8))
}
