// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import Foundation
import HostModel

struct AllocateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allocate",
        abstract: "Claims functions of a pool, binds them to VFIO and sets what was asked for.",
        aliases: ["claim"])

    @Argument(help: "The pool to take from.", completion: .pools) var pool: String
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions
    @Option(help: "How many functions, all or none.") var count = 1
    @Option(name: .customLong("for"), help: "Who it is for: domain:NAME, or any name (default: your user).")
    var owner: String?
    @Option(
        help: "none, preferred or required, with a node like required:1 (default: the pool's).",
        transform: parsed(NUMAPolicy.self))
    var numa: NUMAPolicy?
    @Option(help: "The VF's MAC address.", transform: parsedMAC) var mac: MACAddress?
    @Option(help: "The VLAN that the PF puts the VF into, 1 to 4094.", transform: parsed(VLANID.self)) var vlan: VLANID?
    @Option(help: "Whether the guest may change its MAC and filters: on or off.", transform: parsedSwitch) var trust:
        Bool?
    @Option(help: "What the device is called in the domain (default: the claim's id).") var name: String?

    func validate() throws {
        guard count >= 1 else { throw ValidationError(Refusal.countOutOfRange(count).message) }
        if let name {
            guard name.range(of: #"^[A-Za-z0-9_-]{1,40}$"#, options: .regularExpression) != nil else {
                throw ValidationError("'\(name)' cannot name a device: use up to 40 letters, digits, - and _")
            }
            guard count == 1 else { throw ValidationError("--name is for a single function") }
        }
    }

    func run() async throws {
        let request = AllocateRequest(
            pool: pool, count: count, owner: owner, numa: numa, mac: mac, vlan: vlan, trust: trust, name: name)
        let document = try await connection.client.post(Route.claims, request, as: ClaimsDocument.self)
        try Output.list(document, format, ids: document.claims.map(\.id), table: document.table)
    }
}
