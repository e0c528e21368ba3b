// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import Synchronization

struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Changes the host to match the configuration.",
        discussion:
            "Takes nothing from a live claim or a running guest. Asks before it removes VFs that the host itself uses."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var declared: ConfigurationOptions
    @Flag(name: .shortAndLong, help: "Agree to lose what plan lists as taken away.") var yes = false
    @Flag(help: "Print the changes as JSON.") var json = false

    func run() async throws {
        let configuration = try declared.text()
        let client = connection.client
        let display = ProgressDisplay.standard(isForPeople: !json)
        let done: PlanDocument
        do {
            done = try await client.apply(
                PlanRequest(configuration: configuration, confirmed: yes), showing: display)
        } catch let error as ControlError {
            guard let detail = error.needsConfirmation, Terminal.isInteractive else { throw error }
            guard Terminal.confirm("\(detail.message). Go on?") else { throw Failure(.refused, detail) }
            done = try await client.apply(
                PlanRequest(configuration: configuration, confirmed: true), showing: display)
        }
        if json {
            try Output.json(done)
        } else {
            Terminal.out(done.text)
            if !done.empty { Terminal.line("applied and verified") }
        }
    }
}

extension ControlClient {
    /// Shows the progress.
    fileprivate func apply(_ request: PlanRequest, showing display: ProgressDisplay) async throws -> PlanDocument {
        let end = Mutex<ApplyLine?>(nil)
        do {
            try await lines(Route.applySteps, posting: request, as: ApplyLine.self) { line in
                if let step = line.step { display.show(step) } else { end.withLock { $0 = line } }
            }
        } catch {
            display.end()
            throw error
        }
        display.end()
        let last = end.withLock(\.self)
        if let error = last?.error { throw Failure(.refused, error) }
        guard let done = last?.done else {
            throw Failure(
                .daemonUnreachable, "interrupted", subject: socketPath, "the daemon stopped during apply",
                fix: "buslane plan shows what is left to do; at its next start the daemon recovers unfinished changes")
        }
        return done
    }
}

extension ControlError {
    /// The daemon needs the caller's agreement to what the plan takes away.
    fileprivate var needsConfirmation: ErrorBody.Detail? {
        if case .refused(let detail, _) = self, detail.code == "confirmation-needed" { detail } else { nil }
    }
}
