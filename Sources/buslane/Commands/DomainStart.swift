// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import PrintableText

extension DomainCommand {
    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "start",
            abstract: "Starts a domain with the devices that it requests.",
            discussion: """
                With binding="running", the devices are claimed for this run, and the guest has them from its first \
                instruction; its persistent XML stays as it is. Any other domain is synced, then started as with virsh \
                start.
                """)

        @OptionGroup var domain: DomainOptions

        func run() async throws {
            let document = try await domain.ask(
                Route.start, DomainNameRequest(domain: domain.name), as: DomainDocument.self,
                doing: "starting \(domain.name)")
            try domain.show(document, ifNone: "started") { "started with \($0.name), \($0.address)" }
        }
    }

    struct Sync: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "sync",
            abstract: "Makes a domain what its request asks for, now, and prints the changes.",
            discussion: "The daemon does the same after every change of a domain; this command does not wait for it.")

        @OptionGroup var domain: DomainOptions

        func run() async throws {
            let document = try await domain.ask(
                Route.sync, DomainNameRequest(domain: domain.name), as: DomainSyncDocument.self,
                doing: "syncing \(domain.name)")
            try Output.list(document, domain.format, ids: document.changes) { _ in
                let lines = document.changes.map { "\(document.name): \($0)" }
                return (lines.isEmpty ? ["\(document.name) is as it should be"] : lines).map { $0.printable + "\n" }
                    .joined()
            }
        }
    }
}
