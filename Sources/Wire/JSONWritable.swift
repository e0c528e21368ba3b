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
    /// The entries of a list, for a document that is made in slices.
    ///
    /// - Parameters:
    ///   - depth: in how many containers they are, the list included.
    ///   - isContinued: whether other entries of the list come before them.
    ///   - write: writes one entry.
    package static func entries<Entry>(
        _ entries: ArraySlice<Entry>, depth: Int, isContinued: Bool,
        _ write: (inout JSONText, Entry) throws -> Void
    ) rethrows -> [UInt8] {
        var json = JSONText(pretty: true, depth: depth, isContinued: isContinued)
        for entry in entries {
            json.entry(at: depth)
            try write(&json, entry)
        }
        return json.bytes
    }

    /// Writes an object.
    package mutating func object(_ fields: (inout JSONText) throws -> Void) rethrows {
        let depth = begin(list: false)
        try fields(&self)
        end(to: depth - 1)
    }

    // MARK: Fields of the object that is open. nil is written as null.

    package mutating func field(_ name: StaticString, _ value: String?) {
        key(name, at: depth)
        if let value { write(value) } else { writeNull() }
    }

    package mutating func field(_ name: StaticString, _ value: Int?) {
        key(name, at: depth)
        if let value { write(value) } else { writeNull() }
    }

    package mutating func field(_ name: StaticString, _ value: Bool?) {
        key(name, at: depth)
        if let value { write(value) } else { writeNull() }
    }

    package mutating func field(_ name: StaticString, _ value: Double?) throws {
        key(name, at: depth)
        if let value { try write(value, at: []) } else { writeNull() }
    }

    package mutating func field(_ name: StaticString, _ value: (some JSONWritable)?) throws {
        key(name, at: depth)
        if let value { try value.write(to: &self) } else { writeNull() }
    }

    package mutating func field<Entry>(
        _ name: StaticString, _ entries: [Entry], _ write: (inout JSONText, Entry) throws -> Void
    ) rethrows {
        key(name, at: self.depth)
        let depth = begin(list: true)
        for each in entries {
            entry(at: depth)
            try write(&self, each)
        }
        end(to: depth - 1)
    }

    package mutating func field(_ name: StaticString, _ values: [String]?) {
        guard let values else { return field(name, nil as String?) }
        field(name, values) { $0.write($1) }
    }

    package mutating func field(_ name: StaticString, encoded value: (some Encodable)?) throws {
        key(name, at: depth)
        if let value { try write(encoded: value) } else { writeNull() }
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
