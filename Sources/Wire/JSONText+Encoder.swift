// SPDX-License-Identifier: GPL-3.0-or-later

/// Encodes values directly into a ``JSONText``.
///
/// Foundation's encoder builds a tree of boxes first; for thousands of functions that took longer than reading them.
/// Keys come in the order in which a type declares them.
struct JSONTextEncoder: Encoder {
    let sink: JSONSink
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(JSONObject(encoder: self, depth: sink.text.begin(list: false)))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        JSONList(encoder: self, depth: sink.text.begin(list: true))
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { JSONValue(encoder: self) }

    /// One value with everything in it.
    func write(_ value: some Encodable) throws {
        let (depth, start) = (sink.text.depth, sink.text.bytes.count)
        try value.encode(to: self)
        sink.text.end(to: depth)
        // A value without fields asks for no container.
        if sink.text.bytes.count == start { sink.text.end(to: sink.text.begin(list: false) - 1) }
    }
}

private struct JSONObject<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: JSONTextEncoder
    let depth: Int
    var codingPath: [any CodingKey] { [] }

    init(encoder: JSONTextEncoder, depth: Int) {
        self.encoder = encoder
        self.depth = depth
    }

    private func put(_ key: Key, _ write: (inout JSONText) throws -> Void) rethrows {
        encoder.sink.text.key(key.stringValue, at: depth)
        try write(&encoder.sink.text)
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

    func encode(_ value: some Encodable, forKey key: Key) throws {
        encoder.sink.text.key(key.stringValue, at: depth)
        try encoder.write(value)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        encoder.sink.text.key(key.stringValue, at: depth)
        return encoder.container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        encoder.sink.text.key(key.stringValue, at: depth)
        return encoder.unkeyedContainer()
    }

    func superEncoder() -> any Encoder {
        encoder.sink.text.key("super", at: depth)
        return encoder
    }

    func superEncoder(forKey key: Key) -> any Encoder {
        encoder.sink.text.key(key.stringValue, at: depth)
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
        encoder.sink.text.entry(at: depth)
        count += 1
    }

    mutating func encodeNil() {
        next()
        encoder.sink.text.writeNull()
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

    init(encoder: JSONTextEncoder) { self.encoder = encoder }

    func encodeNil() { encoder.sink.text.writeNull() }
    func encode(_ value: Bool) { encoder.sink.text.write(value) }
    func encode(_ value: String) { encoder.sink.text.write(value) }
    func encode(_ value: Double) throws { try encoder.sink.text.write(value, at: []) }
    func encode(_ value: Float) throws { try encoder.sink.text.write(Double(value), at: []) }
    func encode(_ value: Int) { encoder.sink.text.write(value) }
    func encode(_ value: Int8) { encoder.sink.text.write(value) }
    func encode(_ value: Int16) { encoder.sink.text.write(value) }
    func encode(_ value: Int32) { encoder.sink.text.write(value) }
    func encode(_ value: Int64) { encoder.sink.text.write(value) }
    func encode(_ value: UInt) { encoder.sink.text.write(value) }
    func encode(_ value: UInt8) { encoder.sink.text.write(value) }
    func encode(_ value: UInt16) { encoder.sink.text.write(value) }
    func encode(_ value: UInt32) { encoder.sink.text.write(value) }
    func encode(_ value: UInt64) { encoder.sink.text.write(value) }
    func encode(_ value: some Encodable) throws { try encoder.write(value) }
}
