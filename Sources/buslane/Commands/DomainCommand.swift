// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import HostModel
import PrintableText

struct DomainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "domain", abstract: "Adds claimed functions to libvirt domains.",
        subcommands: [
            Show.self, Start.self, Attach.self, Detach.self, Sync.self, Evict.self, Readmit.self, Inject.self,
        ])
}

/// Options of every command about a libvirt domain.
struct DomainOptions: ParsableArguments {
    @Argument(help: "The domain's name.") var name: String
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions

    /// Asks the daemon, with a progress display on a terminal.
    func ask<Answer: Decodable & Sendable>(
        _ route: String, _ request: some Encodable & Sendable, as type: Answer.Type, doing what: String,
        within seconds: Int = 0
    ) async throws -> Answer {
        try await ProgressDisplay.standard(isForPeople: format.isForPeople).showing(what) {
            // Longer than the guest may take: libvirt needs time of its own.
            try await connection.client.post(route, request, as: type, within: .seconds(seconds + 300))
        }
    }

    func show(_ document: DomainDocument, ifNone: String, _ line: (DomainDocument.Device) -> String) throws {
        try Output.list(document, format, ids: document.devices.map(\.name)) { _ in
            let lines = document.devices.map { "\(document.name): \(line($0))" }
            return (lines.isEmpty ? ["\(document.name) \(ifNone)"] : lines).map { $0.printable + "\n" }.joined()
        }
    }
}

/// The state of a domain that a change is about.
struct ScopeOptions: ParsableArguments {
    @Flag(help: "Only the running guest.") var live = false
    @Flag(help: "Only the persistent XML, for the next start.") var config = false
    @Flag(help: "Both; the default while it runs.") var both = false

    func validate() throws {
        guard [live, config, both].count(where: \.self) <= 1 else {
            throw ValidationError("--live, --config and --both exclude each other")
        }
    }

    var scope: DomainScope? { live ? .live : config ? .config : both ? .both : nil }
}

extension DomainDocument {
    /// The changed states, as text.
    var place: String {
        switch scope {
        case .live: "in the running guest"
        case .both: "in the running guest and the persistent XML"
        case .config, nil: "in the persistent XML"
        }
    }

    /// The same for devices that were taken out.
    var origin: String {
        switch scope {
        case .live: "the running guest"
        case .both: "the running guest and the persistent XML"
        case .config, nil: "the persistent XML"
        }
    }
}
