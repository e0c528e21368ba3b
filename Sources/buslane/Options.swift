// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import Glibc
import HostIO
import HostModel

/// Which daemon to ask.
struct ConnectionOptions: ParsableArguments {
    @Option(help: "The daemon's socket (also: BUSLANE_SOCKET).")
    var socket: String?

    var client: ControlClient { .of(socket) }

    /// The socket that errors name.
    var socketPath: String { client.socketPath }
}

extension ControlClient {
    /// A client of the named socket; else of the one in the environment; else of the daemon's own, root's first.
    static func of(_ socket: String? = nil) -> ControlClient {
        let named = socket ?? Environment.value(of: SocketPath.environmentVariable)
        return ControlClient(socketPaths: SocketPath.choices(named: named, asRoot: geteuid() == 0))
    }
}

enum Environment {
    static func value(of name: String) -> String? {
        // SAFETY: the string lives until the call returns; nothing in this program changes the environment.
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}

/// How to print a list.
struct FormatOptions: ParsableArguments {
    @Flag(help: "Print JSON.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print ids only.")
    var quiet = false

    var isForPeople: Bool { !json && !quiet }
}

/// A configuration file to use instead of the host's own.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        name: .shortAndLong, help: "Use this file instead of /etc/buslane (- for standard input).", completion: .file()
    )
    var file: String?

    func text() throws -> PlanRequest.ConfigurationText? {
        guard let file else { return nil }
        return .init(file: file == "-" ? "standard input" : file, text: try Terminal.read(file))
    }
}

/// Parses an option by a type of the model.
func parsed<Value: TextCodable>(_ type: Value.Type) -> @Sendable (String) throws -> Value {
    { text in
        do throws(MalformedValue) {
            return try Value(text)
        } catch {
            throw ValidationError(error.description)
        }
    }
}

/// A MAC address that a VF can have.
func parsedMAC(_ text: String) throws -> MACAddress {
    let mac = try parsed(MACAddress.self)(text)
    guard !mac.isZero, !mac.isMulticast else {
        throw ValidationError(Refusal.request(.badMAC(mac)).message)
    }
    return mac
}

/// `90`, `90s`, `5m`, `2h` in seconds; a day at most.
func parsedSeconds(_ text: String) throws -> Int {
    let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600]
    let unit = text.last.flatMap { units[$0] }
    let number = Int(unit == nil ? text : String(text.dropLast()))
    guard let number, number > 0, number <= 86400, number * (unit ?? 1) <= 86400 else {
        throw ValidationError("'\(text)' is not a duration: write 30s, 5m or 1h; a day at most")
    }
    return number * (unit ?? 1)
}

/// `on` or `off`.
func parsedSwitch(_ text: String) throws -> Bool {
    switch text {
    case "on": true
    case "off": false
    default: throw ValidationError("'\(text)' is neither on nor off")
    }
}

/// One of a few words.
func parsedWord<Value: RawRepresentable & CaseIterable & SendableMetatype>(
    _ type: Value.Type
) -> @Sendable (String) throws -> Value where Value.RawValue == String {
    { text in
        if let value = Value(rawValue: text) { return value }
        let known = Value.allCases.map(\.rawValue)
        let meant = text.nearest(among: known).map { "; did you mean '\($0)'?" } ?? ""
        throw ValidationError("'\(text)' is not one of \(known.joined(separator: ", "))\(meant)")
    }
}
