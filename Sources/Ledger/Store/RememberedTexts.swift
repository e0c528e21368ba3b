// SPDX-License-Identifier: GPL-3.0-or-later
import Synchronization

/// Caches the JSON texts of values that are stored in a column, in both directions.
///
/// Of thousands of functions nearly all were found in one of a few states, and are claimed with one of a few settings.
final class RememberedTexts<Value: Codable & Hashable & Sendable>: Sendable {
    private let texts = Memo<Value, String>()
    private let values = Memo<String, Value>()

    func text(of value: Value) throws -> String { try texts.value(of: value, toJSON) }

    func value(of text: String) throws -> Value { try values.value(of: text, fromJSON) }
}

/// Caches a value for each key, for a limited number of keys. When the limit is reached it starts empty again.
private final class Memo<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let known = Mutex<[Key: Value]>([:])
    /// If every function gets a MAC address of its own, each has a text of its own.
    private static var limit: Int { 4096 }

    func value(of key: Key, _ make: (Key) throws -> Value) rethrows -> Value {
        if let value = known.withLock({ $0[key] }) { return value }
        let value = try make(key)
        known.withLock { known in
            if known.count >= Self.limit { known = [:] }
            known[key] = value
        }
        return value
    }
}
