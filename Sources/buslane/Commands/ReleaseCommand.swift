// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI

struct ReleaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release", abstract: "Ends claims and restores the original state of their functions.")

    @Argument(help: "The ids of the claims to release.", completion: .claims) var claims: [String] = []
    @Option(name: .customLong("for"), help: "Release every claim of this owner: domain:NAME, or a name.") var owner:
        String?
    @Option(help: "Release only if the claim is still at this generation: a later start has a higher one.")
    var generation: Int?
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions

    func validate() throws {
        guard claims.isEmpty != (owner == nil) else {
            throw ValidationError("name the claims by id, or an owner with --for")
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
            let functions = claim.assignments.map(\.address.shown).joined(separator: " ")
            Terminal.line(
                claim.alreadyReleased == true ? "\(claim.id) was released before" : "\(claim.id) released: \(functions)"
            )
        }
        if document.claims.isEmpty { Terminal.line("\(owner ?? "") holds no claim") }
    }
}
