// SPDX-License-Identifier: GPL-3.0-or-later
import Logging
import PrintableText

/// Makes each log event one line that nobody but the daemon can have written.
///
/// Metadata has texts from clients, domains and sysfs. They become printable and are cut, and a value that could be taken
/// for several is quoted: `domain="a uid=0"`.
struct PrintableLog<Inner: LogHandler>: LogHandler {
    private var inner: Inner

    /// Of a message or a value, in Unicode scalars.
    private static var limit: Int { 1000 }

    init(_ inner: Inner) { self.inner = inner }

    var logLevel: Logger.Level {
        get { inner.logLevel }
        set { inner.logLevel = newValue }
    }

    var metadata: Logger.Metadata {
        get { inner.metadata }
        set { inner.metadata = Self.printable(newValue) }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { inner[metadataKey: key] }
        set { inner[metadataKey: Self.printable(key)] = newValue.map(Self.printable) }
    }

    func log(event: LogEvent) {
        var event = event
        event.message = "\(Self.printable(event.message.description))"
        event.metadata = event.metadata.map(Self.printable)
        if let error = event.error {
            event.error = nil
            event.metadata = (event.metadata ?? [:]).merging(["error": Self.value("\(error)")]) { given, _ in given }
        }
        inner.log(event: event)
    }

    private static func printable(_ text: String) -> String { text.cut(to: limit).printable }

    private static func printable(_ metadata: Logger.Metadata) -> Logger.Metadata {
        Logger.Metadata(metadata.map { (printable($0.key), printable($0.value)) }) { first, _ in first }
    }

    private static func printable(_ value: Logger.Metadata.Value) -> Logger.Metadata.Value { Self.value("\(value)") }

    private static func value(_ text: String) -> Logger.Metadata.Value {
        let text = printable(text)
        guard text.isEmpty || text.contains(where: { $0 == " " || $0 == "=" || $0 == "\"" || $0 == "[" }) else {
            return .string(text)
        }
        return .string("\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\"")
    }
}
