// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import HostModel

struct RecoverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover", abstract: "Takes a function out of quarantine.",
        discussion: """
            A function is quarantined when its state is unknown: after a crash, or when it could not be restored; and \
            when it may have an owner that the ledger does not know. recover resets it, clears the settings that its PF enforces for it, and verifies both. Then it is free \
            again. Refused while a claim or a guest holds it.
            """)

    @Argument(help: "The function's address.", completion: .functions, transform: parsed(PCIAddress.self))
    var address: PCIAddress
    @OptionGroup var connection: ConnectionOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let done = try await connection.client.post(
            Route.recover, RecoverRequest(address: address), as: RecoverRequest.self)
        if json {
            try Output.json(done)
        } else {
            Terminal.line("\(address) was reset and verified: it is free again")
        }
    }
}
