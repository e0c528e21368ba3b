// SPDX-License-Identifier: GPL-3.0-or-later

/// A value that writes its own fields, without an encoder.
///
/// An encoder's containers are boxes that are called through tables. For values of which a document has thousands, that took
/// several times as long as the text itself.
package protocol JSONWritable: Encodable {
    func write(to json: inout JSONText) throws
}

extension JSONWritable {
    /// So that such a value can also be a field of an encoded one.
    public func encode(to encoder: any Encoder) throws {
        guard let encoder = encoder as? JSONTextEncoder else {
            throw EncodingError.invalidValue(
                self, .init(codingPath: encoder.codingPath, debugDescription: "it is only written as JSON text"))
        }
        try write(to: &encoder.sink.text)
    }
}

extension JSONText {
    /// Writes an object.
    package mutating func object(_ fields: (inout JSONText) throws -> Void) rethrows {
        let depth = begin(list: false)
        try fields(&self)
        end(to: depth - 1)
    }

    /// Writes a list.
    ///
    /// - Parameter entries: makes room for each entry at the depth that it is given.
    package mutating func list(_ entries: (inout JSONText, _ depth: Int) throws -> Void) rethrows {
        let depth = begin(list: true)
        try entries(&self, depth)
        end(to: depth - 1)
    }

    // MARK: Fields of the object that is open. nil is written as null.

    package mutating func field(_ name: StaticString, _ value: String?) {
        key(name)
        if let value { write(value) } else { writeNull() }
    }

    package mutating func field(_ name: StaticString, _ value: Int?) {
        key(name)
        if let value { write(value) } else { writeNull() }
    }

    package mutating func field(_ name: StaticString, _ value: Bool?) {
        key(name)
        if let value { write(value) } else { writeNull() }
    }

    package mutating func field(_ name: StaticString, _ value: Double?) throws {
        key(name)
        if let value { try write(value, at: []) } else { writeNull() }
    }

    package mutating func field(_ name: StaticString, _ values: [String]?) {
        key(name)
        guard let values else { return writeNull() }
        list { json, depth in
            for value in values {
                json.entry(at: depth)
                json.write(value)
            }
        }
    }

    /// Writes a value by means of an encoder.
    package mutating func write(encoded value: some Encodable) throws {
        let sink = JSONSink(self)
        // The sink's text shall be the only one: a shared one would be copied.
        self = JSONText(pretty: false)
        defer { swap(&self, &sink.text) }
        try JSONTextEncoder(sink: sink).write(value)
    }
}
