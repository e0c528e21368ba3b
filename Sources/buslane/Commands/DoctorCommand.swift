// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import HostIO
import HostModel

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "What would stop passthrough from working here, each with its remedy.",
        discussion: "Ends with 0 when nothing stands in the way, with 1 otherwise. It changes nothing; root sees more.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions
    @Option(help: "Examine the host below this folder.") var hostRoot: String?

    func run() async throws {
        let diagnosis = try examine(problems: await problems())
        if format.json {
            Terminal.out(try JSON.encode(DiagnosisDocument(diagnosis)) + [0x0a])
        } else if format.quiet {
            for finding in diagnosis.findings where finding.severity != .ok { print(finding.code) }
        } else {
            print(diagnosis.rendered(width: min(Terminal.width, 100)), terminator: "")
        }
        if !diagnosis.passthroughWorks { throw ExitCode(ExitStatus.refused.rawValue) }
    }

    /// Of the daemon, where one answers: that none does is for the diagnosis to say.
    private func problems() async -> [String] {
        guard hostRoot == nil else { return [] }
        let health = try? await connection.client.get(Route.health, as: HealthDocument.self, within: .seconds(2))
        return health?.problems ?? []
    }

    private func examine(problems: [String]) throws -> Diagnosis {
        let paths = HostPaths(root: hostRoot ?? "/")
        do {
            return Diagnosis(
                of: try SysfsReader(paths: paths).snapshot(),
                on: PlatformReader(paths: paths, daemonSocket: connection.socketPath).facts(), problems: problems)
        } catch {
            throw Failure(.refused, "unreadable-host", subject: paths.root, "\(error)")
        }
    }
}
