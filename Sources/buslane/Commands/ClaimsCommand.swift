// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import HostModel

struct ClaimsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "claims", abstract: "Lists the claims: who holds which functions.", subcommands: [Rebind.self])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
        let document = try await connection.client.get(Route.claims, as: ClaimsDocument.self)
        try Output.list(document, format, ids: document.claims.map(\.id), table: document.table)
    }

    struct Rebind: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rebind", abstract: "Says which function a claim has whose card is in doubt or away.",
            discussion: """
                After bus numbers moved, or a card was replaced, Buslane may not know which card a claim means. Its \
                functions are then in quarantine, and its guest does not start.

                With --here, the card that is at the recorded address is the one that is meant, for everything that is \
                recorded of it. With FUNCTION, the claim has that function from now on. The function that it leaves is \
                not changed. Refused for a function that is claimed, used by the host or a guest, or not in the claim's \
                pool.
                """)

        @Argument(help: "The id of the claim.", completion: .claims) var claim: String
        @Argument(
            help: "The address of the function; or of a PF, which means its VF with the same index.",
            completion: .functions, transform: parsed(PCIAddress.self))
        var function: PCIAddress?
        @Flag(help: "The card that is at the recorded address is the one that is meant.") var here = false
        @Option(help: "The device that has the function, if several of the claim are in doubt.") var device: String?
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var format: FormatOptions

        func validate() throws {
            guard here == (function == nil) else { throw ValidationError("name the function, or give --here") }
            guard device == nil || !here else { throw ValidationError("--device goes with a function") }
        }

        func run() async throws {
            let target = function.map { Rebinding.Target.function($0, device: device) } ?? .here
            let document = try await connection.client.post(
                Route.rebinding, RebindRequest(claim: claim, target: target), as: ClaimsDocument.self)
            try Output.list(document, format, ids: document.claims.map(\.id), table: document.table)
        }
    }
}
