// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI

struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Checks, copies and restores the record of who owns what.",
        discussion: """
            The daemon checks its ledger at each start and keeps a copy before it changes the schema. It never overwrites \
            a ledger that it cannot read: it keeps the file aside and quarantines every function that may have an owner.
            """,
        subcommands: [Check.self, Backup.self, Restore.self])

    fileprivate static func copy(_ file: String, to copy: String) throws(Failure) {
        do {
            try File.create(copy, try File.read(file))
        } catch {
            throw Failure(.refused, "not-copied", subject: copy, "cannot copy \(file) to \(copy): \(error)")
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Checks whether the ledger is sound.")

        @OptionGroup var connection: ConnectionOptions
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let found = try await connection.client.get(Route.ledger, as: LedgerDocument.self)
            if json {
                try Output.json(found)
            } else {
                for line in found.problems.isEmpty ? ["\(found.path) is sound"] : found.problems { Terminal.line(line) }
            }
            if !found.problems.isEmpty { throw ExitCode(1) }
        }
    }

    struct Backup: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "backup", abstract: "Copies the ledger while it is in use, and prints the copy's path.")

        @Argument(help: "The copy (default: a file in the folder backups next to the ledger).", completion: .file())
        var file: String?
        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            if let file, File.exists(file) { throw ValidationError("\(file) exists already") }
            let made = try await connection.client.post(
                Route.ledgerBackup, [String: String](), as: LedgerDocument.self)
            if let file { try LedgerCommand.copy(made.path, to: file) }
            Terminal.line(file ?? made.path)
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "restore",
            abstract: "Replaces the ledger by a backup at the daemon's next start.",
            discussion: "The present ledger is kept next to it. Refused if the backup lacks a live claim.")

        @Argument(help: "The backup.", completion: .file()) var file: String
        @Flag(help: "Restore even if live claims are missing: their functions then have no owner.")
        var force = false
        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            // The daemon's unit hides homes and temporary folders from it: it gets a copy beside its ledger.
            guard File.exists(file) else { throw ValidationError("\(file): no such file") }
            let ledger = try await connection.client.get(Route.ledger, as: LedgerDocument.self)
            let copy = ledger.path + ".offered"
            File.remove(copy)
            try LedgerCommand.copy(file, to: copy)
            defer { File.remove(copy) }
            _ = try await connection.client.post(
                Route.ledgerRestore, LedgerRestoreRequest(path: copy, force: force), as: LedgerDocument.self)
            Terminal.line("\(file) is sound and takes the ledger's place with: systemctl restart buslaned")
        }
    }
}
