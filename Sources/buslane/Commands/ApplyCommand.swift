// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI

struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Makes the host as declared.",
        discussion:
            "Takes nothing from a live claim or a running guest. Where VFs of the host's own would vanish, it asks first."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var declared: ConfigurationOptions
    @Flag(name: .shortAndLong, help: "Agree to what plan says would be taken away.") var yes = false
    @Flag(help: "Print what was done as JSON.") var json = false

    func run() async throws {
        let configuration = try declared.text()
        let client = connection.client
        let done: PlanDocument
        do {
            done = try await client.post(
                Route.apply, PlanRequest(configuration: configuration, confirmed: yes), as: PlanDocument.self)
        } catch {
            guard let detail = error.needsConfirmation, Terminal.isInteractive else { throw error }
            guard Terminal.confirm("\(detail.message). Go on?") else { throw Failure(.refused, detail) }
            done = try await client.post(
                Route.apply, PlanRequest(configuration: configuration, confirmed: true), as: PlanDocument.self)
        }
        if json {
            Terminal.out(try JSON.encode(done) + [0x0a])
        } else {
            print(done.text, terminator: "")
            if !done.empty { print("applied and verified") }
        }
    }
}

extension ControlError {
    /// The daemon wants to be told that what the plan takes away may go.
    fileprivate var needsConfirmation: ErrorBody.Detail? {
        if case .refused(let detail, _) = self, detail.code == "confirmation-needed" { detail } else { nil }
    }
}
