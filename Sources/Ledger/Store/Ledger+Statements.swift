// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import GRDB

extension Ledger {
    /// `c17` for 17.
    static func claimID(_ number: Int) -> String { "c\(number)" }

    /// 17 for `c17`; nil for a text that is not a claim's id.
    static func number(ofClaim id: String) -> Int? {
        id.hasPrefix("c") ? Int(id.dropFirst()).flatMap { claimID($0) == id ? $0 : nil } : nil
    }
}

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

func toJSON(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}

func fromJSON<Value: Decodable>(_ text: String) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(text.utf8))
}
