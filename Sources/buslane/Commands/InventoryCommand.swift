// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import Foundation
import HostIO
import HostModel

struct InventoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inventory",
        abstract: "Every PCI function with the facts that decide passthrough.",
        discussion: "A group number with an exclamation mark is not viable: something in it is on a host driver.")

    @OptionGroup var connection: ConnectionOptions
    @Flag(help: "Print JSON (docs/inventory.schema.json).") var json = false
    @Flag(help: "Print a table (the default).") var table = false
    @Flag(help: "Print bridges, cards and VFs as a tree.") var tree = false
    @Flag(help: "Physical functions alone.") var pf = false
    @Flag(help: "Virtual functions alone.") var vf = false
    @Option(help: "This function alone; may be repeated.", transform: parsed(PCIAddress.self))
    var address: [PCIAddress] = []
    @Option(help: "Read the host below this folder, without a daemon.") var hostRoot: String?

    func validate() throws {
        guard [json, table, tree].filter(\.self).count <= 1 else {
            throw ValidationError("give one of --json, --table and --tree")
        }
    }

    func run() async throws {
        var inventory = try await read()
        try keepWanted(&inventory)
        for warning in inventory.warnings where !json { Terminal.error("warning: \(warning)") }
        if tree {
            print(inventory.tree, terminator: "")
        } else {
            var format = FormatOptions()
            format.json = json
            format.quiet = false
            try Output.list(
                inventory, format, ids: inventory.functions.map(\.address.description), table: inventory.table)
        }
    }

    private func keepWanted(_ inventory: inout Inventory) throws {
        if let missing = address.first(where: { wanted in !inventory.functions.contains { $0.address == wanted } }) {
            let refusal = ErrorBody(Refusal.unknownFunction(missing)).error
            throw Failure(.refused, refusal)
        }
        if !address.isEmpty { inventory.functions.removeAll { !address.contains($0.address) } }
        guard pf || vf else { return }
        inventory.functions.removeAll { !(pf && $0.sriov != nil || vf && $0.virtualFunction != nil) }
    }

    private func read() async throws -> Inventory {
        if let hostRoot { return try readHost(below: hostRoot) }
        do {
            return try await connection.client.get(Route.inventory, as: Inventory.self)
        } catch .unreachable, .notPermitted {
            Terminal.error("note: no daemon to ask, so this is read from the host itself, without claims")
            return try readHost(below: "/")
        }
    }

    private func readHost(below root: String) throws -> Inventory {
        do {
            let snapshot = try SysfsReader(paths: HostPaths(root: root)).snapshot()
            return Inventory(of: snapshot, names: PCINames(), capturedAt: Int(Date().timeIntervalSince1970))
        } catch {
            throw Failure(.refused, "unreadable-host", subject: root, "\(error)")
        }
    }
}
