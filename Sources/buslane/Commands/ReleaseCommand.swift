// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI

struct ReleaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release", abstract: "Ends claims and puts their functions back as they were found.")

    @Argument(help: "The claims to end.", completion: .claims) var claims: [String] = []
    @Option(name: .customLong("for"), help: "Every claim of this owner: domain:NAME, or a name.") var owner: String?
    @Option(help: "Of one claim, the generation you know: once another start began, nothing is released.")
    var generation: Int?
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions

    func validate() throws {
        guard claims.isEmpty != (owner == nil) else {
            throw ValidationError("say which claims: their ids, or --for an owner")
        }
        guard generation == nil || claims.count == 1 else {
            throw ValidationError("--generation goes with one claim")
        }
    }

    func run() async throws {
        let document = try await connection.client.post(
            Route.release, ReleaseRequest(claims: claims, owner: owner, generation: generation),
            as: ClaimsDocument.self)
        if format.json || format.quiet {
            try Output.list(document, format, ids: document.claims.map(\.id), table: document.table)
            return
        }
        for claim in document.claims {
            let functions = claim.assignments.map(\.address.description).joined(separator: " ")
            print(
                claim.alreadyReleased == true ? "\(claim.id) was released before" : "\(claim.id) released: \(functions)"
            )
        }
        if document.claims.isEmpty { print("\(owner ?? "") holds no claim") }
    }
}
