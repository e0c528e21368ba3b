// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import HostModel

struct RecoverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover", abstract: "Takes a function out of quarantine.",
        discussion: """
            A function is set aside when its state is not understood: after a crash, or when it could not be put back. \
            It is reset, what its PF enforced for it is taken away, and all of that is verified; then it is free again. \
            Refused while a claim or a guest has it.
            """)

    @Argument(help: "The function's address.", completion: .functions, transform: parsed(PCIAddress.self))
    var address: PCIAddress
    @OptionGroup var connection: ConnectionOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let done = try await connection.client.post(
            Route.recover, RecoverRequest(address: address), as: RecoverRequest.self)
        if json {
            Terminal.out(try JSON.encode(done) + [0x0a])
        } else {
            print("\(address) was reset and verified: it is free again")
        }
    }
}
