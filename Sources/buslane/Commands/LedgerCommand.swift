// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI

struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Looks after the record of who owns what.",
        discussion: """
            The daemon looks at its ledger at each start, keeps a copy before it changes its schema, and never writes over \
            one that it cannot read: that one is set aside, and what may have an owner is not handed out again.
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
            commandName: "check", abstract: "Says whether the ledger is sound.")

        @OptionGroup var connection: ConnectionOptions
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            let found = try await connection.client.get(Route.ledger, as: LedgerDocument.self)
            if json {
                Terminal.out(try JSON.encode(found) + [0x0a])
            } else {
                print(found.problems.isEmpty ? "\(found.path) is sound" : found.problems.joined(separator: "\n"))
            }
            if !found.problems.isEmpty { throw ExitCode(1) }
        }
    }

    struct Backup: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "backup", abstract: "Makes a copy of the ledger while it is in use, and prints where it is.")

        @Argument(help: "Where to put it; left out: into the folder backups beside the ledger.", completion: .file())
        var file: String?
        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            if let file, File.exists(file) { throw ValidationError("\(file) exists already") }
            let made = try await connection.client.post(
                Route.ledgerBackup, [String: String](), as: LedgerDocument.self)
            if let file { try LedgerCommand.copy(made.path, to: file) }
            print(file ?? made.path)
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "restore",
            abstract: "Puts a backup in the ledger's place, when the daemon starts the next time.",
            discussion: "The ledger of now is kept beside it. Refused when claims that live now are not in the backup.")

        @Argument(help: "The backup.", completion: .file()) var file: String
        @Flag(help: "Although claims that live now are not in it: their functions then have no owner.")
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
            print("\(file) is sound and takes the ledger's place with: systemctl restart buslaned")
        }
    }
}
