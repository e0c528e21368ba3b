// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ConfigurationFiles
import ControlAPI
import FoundationEssentials
import HostIO
import HostModel

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "What the configuration says.", subcommands: [Check.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Looks for errors in files of declared state. Changes nothing, and needs no daemon.",
            discussion: """
                Each error is a line FILE:LINE:COLUMN: error: …, for editors and hooks. Where a daemon runs, or with \
                --host-root, the selectors are tried on the host too. Ends with 0 when nothing is wrong, else with 1.
                """)

        @Argument(
            help:
                "Files, read as one configuration; a folder is read like /etc/buslane (default); - for standard input.",
            completion: .file())
        var files: [String] = []
        @OptionGroup var connection: ConnectionOptions
        @Option(help: "Try the selectors on the host below this folder.") var hostRoot: String?
        @Flag(help: "Print JSON.") var json = false

        func run() async throws {
            var reader = ConfigurationReader()
            let read =
                files.isEmpty
                ? try Self.read(ConfigurationFolder.standard, into: &reader)
                : try files.flatMap { try Self.read($0, into: &reader) }
            let check = ConfigurationCheck(reader, files: read, on: try await host())
            if json {
                Terminal.out(try JSON.encode(check.document) + [0x0a])
            } else {
                Terminal.out(check.text)
            }
            if !check.errors.isEmpty { throw ExitCode(ExitStatus.refused.rawValue) }
        }

        /// - Returns: the files that the name stood for.
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
                    fix: "name a file, or write \(folder.directory)/buslane.yaml")
            }
            for file in files { reader.read(contentsOf: file) }
            return files
        }

        /// nil where no host is meant: a file may be checked on another machine than it is for.
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
