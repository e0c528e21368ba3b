// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Lists who asked for what, and the result.",
        discussion: """
            Lists all entries in the ledger, oldest first. Older entries are in files in /var/lib/buslane/audit, \
            one JSON document a line. Equal refusals of one user are counted in one entry.
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions
    @Option(help: "List only this many entries, the newest.") var last: Int?

    func validate() throws {
        guard last ?? 1 > 0 else { throw ValidationError("--last needs a number above 0") }
    }

    func run() async throws {
        let document = AuditDocument(entries: try await connection.client.auditTrail(newest: last))
        try Output.list(document, format, ids: document.entries.map { String($0.id) }, table: document.table)
    }
}

extension ControlClient {
    /// The newest entries, or all, oldest first. They are read page by page.
    fileprivate func auditTrail(newest limit: Int?) async throws -> [AuditDocument.Entry] {
        var pages: [[AuditDocument.Entry]] = []
        var left = limit ?? .max
        var before: Int?
        repeat {
            let count = min(left, RequestLimits.auditPage.upperBound)
            let route = Route.audit + "?limit=\(count)" + (before.map { "&before=\($0)" } ?? "")
            let page = try await get(route, as: AuditDocument.self)
            pages.append(page.entries)
            left -= page.entries.count
            before = page.older
        } while left > 0 && before != nil
        return Array(pages.reversed().joined())
    }
}

extension AuditDocument {
    var table: Table {
        Table(
            columns: [
                .init("AT"), .init("USER", expendability: 1), .init("PID", expendability: 2), .init("WHAT"),
                .init("SUBJECT"), .init("RESULT", shrinks: true),
            ],
            rows: entries.map { entry in
                [
                    entry.at, entry.uid.map(String.init) ?? "daemon", entry.pid.map(String.init) ?? "-",
                    entry.verb, entry.subject,
                    (entry.times > 1 ? "\(entry.times) times: " : "") + entry.result,
                ]
            },
            whenEmpty: "nothing was done yet")
    }
}
