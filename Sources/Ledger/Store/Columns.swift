// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB

/// Reads a row's columns in order. Access by name would search all columns of the row for each.
struct Columns {
    private let row: Row
    private var position = 0

    fileprivate init(_ row: Row) { self.row = row }

    mutating func next<Value: DatabaseValueConvertible & StatementColumnConvertible>() -> Value {
        defer { position += 1 }
        return row[position]
    }

    mutating func nextOrNil<Value: DatabaseValueConvertible & StatementColumnConvertible>() -> Value? {
        defer { position += 1 }
        return row[position]
    }
}

extension Database {
    /// Converts each row of a query with `read`. The statement is cached; a row is valid only during its call.
    func map<Value>(
        _ sql: String, _ arguments: StatementArguments, _ read: (inout Columns) throws -> Value
    ) throws -> [Value] {
        var values: [Value] = []
        let rows = try Row.fetchCursor(cachedStatement(sql: sql), arguments: arguments)
        while let row = try rows.next() {
            var columns = Columns(row)
            values.append(try read(&columns))
        }
        return values
    }
}
