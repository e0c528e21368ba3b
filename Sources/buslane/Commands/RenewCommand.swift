// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI

struct RenewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "renew", abstract: "Restarts the time to live of claims made with --ttl.")

    @Argument(help: "The ids of the claims to renew.", completion: .claims) var claims: [String]
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
        let document = try await connection.client.post(
            Route.renewal, RenewRequest(claims: claims), as: ClaimsDocument.self)
        try Output.list(document, format, ids: document.claims.map(\.id), table: document.table)
    }
}
