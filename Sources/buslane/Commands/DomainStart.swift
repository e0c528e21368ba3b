// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI

extension DomainCommand {
    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "start",
            abstract: "Starts a domain with the devices that it requests.",
            discussion: """
                With binding="running" they are claimed for this run and are there from the first instruction; its \
                persistent XML stays as it is. Any other domain is started as virsh start does it.
                """)

        @OptionGroup var domain: DomainOptions

        func run() async throws {
            let document = try await domain.ask(
                Route.start, DomainNameRequest(domain: domain.name), as: DomainDocument.self,
                doing: "starting \(domain.name)")
            try domain.tell(document, ifNone: "started") { "started with \($0.name), \($0.address)" }
        }
    }

    struct Sync: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "sync",
            abstract: "Makes a domain as its request says, now, and tells what that changed.",
            discussion: "The daemon does so by itself whenever a domain changes; this is for not waiting.")

        @OptionGroup var domain: DomainOptions

        func run() async throws {
            let document = try await domain.ask(
                Route.sync, DomainNameRequest(domain: domain.name), as: DomainSyncDocument.self,
                doing: "looking at \(domain.name)")
            try Output.list(document, domain.format, ids: document.changes) { _ in
                let lines = document.changes.map { "\(document.name): \($0)\n" }
                return lines.isEmpty ? "\(document.name) is as it should be\n" : lines.joined()
            }
        }
    }
}
