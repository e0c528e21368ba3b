// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import PrintableText

struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Lists what happened: applied, drifted, repaired, refused, quarantined.",
        discussion: """
            buslane audit lists the requests and who made them; events lists what changed on the host. \
            With --follow, one line is printed for each new event; with --json each line is a JSON document.
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions
    @Flag(name: .shortAndLong, help: "Print new events as they come.") var follow = false
    @Option(help: "With --follow: begin after the event with this number.") var after: Int?

    func validate() throws {
        guard after == nil || follow else { throw ValidationError("--after goes with --follow") }
        guard !(follow && format.quiet) else { throw ValidationError("--follow goes with --json alone") }
    }

    func run() async throws {
        guard !follow else { return try await followAll() }
        let document = try await connection.client.get(Route.events, as: EventsDocument.self)
        try Output.list(
            document, format, ids: document.events.map { String($0.id) },
            table: Table(
                columns: [.init("AT"), .init("EVENT"), .init("SUBJECT"), .init("DETAIL", shrinks: true)],
                rows: document.events.map { [$0.at, $0.kind, $0.subject, $0.detail] },
                whenEmpty: "nothing has happened yet"))
    }

    private func followAll() async throws {
        let route = Route.newEvents + (after.map { "?after=\($0)" } ?? "")
        let asJSON = format.json
        try await connection.client.lines(route, as: EventsDocument.Entry.self) { event in
            Terminal.out(asJSON ? try JSON.line(event) : Array((event.line + "\n").utf8))
        }
    }
}

extension EventsDocument.Entry {
    var line: String { "\(at)  \(kind)  \(subject)  \(detail)".printable }
}
