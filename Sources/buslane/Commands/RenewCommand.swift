// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI

struct RenewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "renew", abstract: "Lets claims that were made with --ttl live as long again.")

    @Argument(help: "The claims.", completion: .claims) var claims: [String]
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
        let document = try await connection.client.post(
            Route.renewal, RenewRequest(claims: claims), as: ClaimsDocument.self)
        try Output.list(document, format, ids: document.claims.map(\.id), table: document.table)
    }
}
