// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ConfigurationFiles
import ControlAPI
import FoundationEssentials
import HostIO
import HostModel

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Checks the configuration.", subcommands: [Check.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Checks configuration files for errors. Changes nothing and needs no daemon.",
            discussion: """
                Each error is one line FILE:LINE:COLUMN: error: …, which editors understand. If a daemon runs, or with \
                --host-root, the selectors are also tried on the host. Exits with 0 if there is no error, else with 1.
                """)

        @Argument(
            help:
                "Files, read as one configuration. A folder is read like /etc/buslane (the default), - is standard input.",
            completion: .file())
        var files: [String] = []
        @OptionGroup var connection: ConnectionOptions
        @Option(help: "Try the selectors on the host tree below this folder.") var hostRoot: String?
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            var reader = ConfigurationReader()
            let read =
                files.isEmpty
                ? try Self.read(ConfigurationFolder.standard, into: &reader)
                : try files.flatMap { try Self.read($0, into: &reader) }
            let folders =
                files.isEmpty ? [ConfigurationFolder.standard] : files.map(ConfigurationFolder.init(directory:))
            let check = ConfigurationCheck(
                reader, files: read, ignored: folders.flatMap(\.ignored), on: try await host())
            if json {
                try Output.json(check.document)
            } else {
                Terminal.out(check.text)
            }
            if !check.errors.isEmpty { throw ExitCode(ExitStatus.refused.rawValue) }
        }

        /// - Returns: the files that were read: one, or those of a folder.
        private static func read(_ name: String, into reader: inout ConfigurationReader) throws -> [String] {
            if name == "-" {
                reader.read(try Terminal.read("-"), file: "standard input")
                return ["standard input"]
            }
            var isFolder = false
            guard FileManager.default.fileExists(atPath: name, isDirectory: &isFolder), isFolder else {
                reader.read(contentsOf: name)
                return [name]
            }
            return try read(ConfigurationFolder(directory: name), into: &reader)
        }

        private static func read(
            _ folder: ConfigurationFolder, into reader: inout ConfigurationReader
        ) throws -> [String] {
            let files = folder.files
            guard !files.isEmpty else {
                throw Failure(
                    .refused, "no-configuration", subject: folder.directory, "\(folder.directory) has no configuration",
                    fix: folder.renaming
                        ?? "name a file, or write \(folder.directory)/buslane.yaml")
            }
            for file in files { reader.read(contentsOf: file) }
            return files
        }

        /// nil without a daemon and a host root: the file may be for another machine.
        private func host() async throws -> HostSnapshot? {
            if hostRoot == nil {
                do {
                    _ = try await connection.client.get(Route.health, as: HealthDocument.self)
                } catch {
                    return nil
                }
            }
            let root = hostRoot ?? "/"
            do {
                return try SysfsReader(paths: HostPaths(root: root)).snapshot(including: [])
            } catch {
                throw Failure(.refused, "unreadable-host", subject: root, "\(error)")
            }
        }
    }
}
