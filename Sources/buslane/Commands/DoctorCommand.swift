// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import HostIO
import HostModel

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Finds what would stop passthrough from working here, and how to fix it.",
        discussion: "Exits with 0 if passthrough can work, else with 1. Changes nothing. Root sees more.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions
    @Option(help: "Examine the host tree below this folder.") var hostRoot: String?

    func run() async throws {
        let diagnosis = try examine(problems: await problems(), records: await records())
        if format.json {
            try Output.json(DiagnosisDocument(diagnosis))
        } else if format.quiet {
            for finding in diagnosis.findings where finding.severity != .ok { Terminal.line(finding.code) }
        } else {
            Terminal.out(diagnosis.rendered(width: min(Terminal.width, 100)))
        }
        if !diagnosis.passthroughWorks { throw ExitCode(ExitStatus.refused.rawValue) }
    }

    /// The daemon's problems; none without a daemon, which the diagnosis reports itself.
    private func problems() async -> [String] {
        guard hostRoot == nil else { return [] }
        let health = try? await connection.client.get(Route.health, as: HealthDocument.self, within: .seconds(2))
        return health?.problems ?? []
    }

    /// What the daemon found by its records; none without a daemon, or from one of an earlier version.
    private func records() async -> [Finding] {
        guard hostRoot == nil else { return [] }
        let found = try? await connection.client.get(Route.findings, as: FindingsDocument.self, within: .seconds(5))
        return found?.findings.map(Finding.init) ?? []
    }

    private func examine(problems: [String], records: [Finding]) throws -> Diagnosis {
        let paths = HostPaths(root: hostRoot ?? "/")
        let socket = connection.socketPath
        let platform = PlatformReader(paths: paths, daemonSockets: [socket, SocketPath.bound(for: socket)])
        do {
            return Diagnosis(
                of: try SysfsReader(paths: paths).snapshot(),
                on: platform.facts(), problems: problems, records: records)
        } catch {
            throw Failure(.refused, "unreadable-host", subject: paths.root, "\(error)")
        }
    }
}
