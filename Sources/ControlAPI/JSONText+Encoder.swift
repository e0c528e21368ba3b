// SPDX-License-Identifier: GPL-3.0-or-later

/// Writes what an `Encodable` says of itself into a ``JSONText``, as it is said.
///
/// Foundation's encoder first makes a tree of boxes: with thousands of functions that took longer than reading them.
/// Keys come in the order in which a type declares them.
struct JSONTextEncoder: Encoder {
    let text: JSONText
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(JSONObject(encoder: self, depth: text.begin(list: false)))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer { JSONList(encoder: self, depth: text.begin(list: true)) }

    func singleValueContainer() -> any SingleValueEncodingContainer { JSONValue(encoder: self) }

    /// One value with everything in it.
    func write(_ value: some Encodable) throws {
        let (depth, start) = (text.depth, text.bytes.count)
        try value.encode(to: self)
        text.end(to: depth)
        // It asked for no container: it has no fields.
        if text.bytes.count == start { text.end(to: text.begin(list: false) - 1) }
    }
}

private struct JSONObject<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: JSONTextEncoder
    let depth: Int
    var codingPath: [any CodingKey] { [] }
    private var text: JSONText { encoder.text }

    init(encoder: JSONTextEncoder, depth: Int) {
        self.encoder = encoder
        self.depth = depth
    }

    private func put(_ key: Key, _ write: (JSONText) throws -> Void) rethrows {
        text.key(key.stringValue, at: depth)
        try write(text)
    }

    func encodeNil(forKey key: Key) { put(key) { $0.writeNull() } }
    func encode(_ value: Bool, forKey key: Key) { put(key) { $0.write(value) } }
    func encode(_ value: String, forKey key: Key) { put(key) { $0.write(value) } }
    func encode(_ value: Double, forKey key: Key) throws { try put(key) { try $0.write(value, at: [key]) } }
    func encode(_ value: Float, forKey key: Key) throws { try put(key) { try $0.write(Double(value), at: [key]) } }
    func encode(_ value: Int, forKey key: Key) { put(key) { $0.write(value) } }
    func encode(_ value: Int8, forKey key: Key) { put(key) { $0.write(value) } }
    func encode(_ value: Int16, forKey key: Key) { put(key) { $0.write(value) } }
    func encode(_ value: Int32, forKey key: Key) { put(key) { $0.write(value) } }
    func encode(_ value: Int64, forKey key: Key) { put(key) { $0.write(value) } }
    func encode(_ value: UInt, forKey key: Key) { put(key) { $0.write(value) } }
    func encode(_ value: UInt8, forKey key: Key) { put(key) { $0.write(value) } }
    func encode(_ value: UInt16, forKey key: Key) { put(key) { $0.write(value) } }
    func encode(_ value: UInt32, forKey key: Key) { put(key) { $0.write(value) } }
    func encode(_ value: UInt64, forKey key: Key) { put(key) { $0.write(value) } }
    func encode(_ value: some Encodable, forKey key: Key) throws { try put(key) { _ in try encoder.write(value) } }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        text.key(key.stringValue, at: depth)
        return encoder.container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        text.key(key.stringValue, at: depth)
        return encoder.unkeyedContainer()
    }

    func superEncoder() -> any Encoder {
        text.key("super", at: depth)
        return encoder
    }

    func superEncoder(forKey key: Key) -> any Encoder {
        text.key(key.stringValue, at: depth)
        return encoder
    }
}

private struct JSONList: UnkeyedEncodingContainer {
    let encoder: JSONTextEncoder
    let depth: Int
    private(set) var count = 0
    var codingPath: [any CodingKey] { [] }

    init(encoder: JSONTextEncoder, depth: Int) {
        self.encoder = encoder
        self.depth = depth
    }

    private mutating func next() {
        encoder.text.entry(at: depth)
        count += 1
    }

    mutating func encodeNil() {
        next()
        encoder.text.writeNull()
    }

    mutating func encode(_ value: some Encodable) throws {
        next()
        try encoder.write(value)
    }

    mutating func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        next()
        return encoder.container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        next()
        return encoder.unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder {
        next()
        return encoder
    }
}

private struct JSONValue: SingleValueEncodingContainer {
    let encoder: JSONTextEncoder
    var codingPath: [any CodingKey] { [] }
    private var text: JSONText { encoder.text }

    init(encoder: JSONTextEncoder) { self.encoder = encoder }

    func encodeNil() { text.writeNull() }
    func encode(_ value: Bool) { text.write(value) }
    func encode(_ value: String) { text.write(value) }
    func encode(_ value: Double) throws { try text.write(value, at: []) }
    func encode(_ value: Float) throws { try text.write(Double(value), at: []) }
    func encode(_ value: Int) { text.write(value) }
    func encode(_ value: Int8) { text.write(value) }
    func encode(_ value: Int16) { text.write(value) }
    func encode(_ value: Int32) { text.write(value) }
    func encode(_ value: Int64) { text.write(value) }
    func encode(_ value: UInt) { text.write(value) }
    func encode(_ value: UInt8) { text.write(value) }
    func encode(_ value: UInt16) { text.write(value) }
    func encode(_ value: UInt32) { text.write(value) }
    func encode(_ value: UInt64) { text.write(value) }
    func encode(_ value: some Encodable) throws { try encoder.write(value) }
}
