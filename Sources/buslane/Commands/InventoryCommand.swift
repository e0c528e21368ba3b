// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import HostModel

struct InventoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inventory",
        abstract: "Every PCI function with the facts that decide passthrough.",
        discussion: """
            A group number with an exclamation mark is not viable: something in it is on a host driver.
            The JSON is described by docs/inventory.schema.json. --pf and --vf together show both kinds.
            """)

    @OptionGroup var source: InventorySource
    @OptionGroup var format: FormatOptions
    @Flag(help: "Print a table (the default).") var table = false
    @Flag(help: "Print bridges, cards and VFs as a tree.") var tree = false
    @Flag(help: "Physical functions.") var pf = false
    @Flag(help: "Virtual functions.") var vf = false
    @Option(
        help: "This function alone; may be repeated.", completion: .functions, transform: parsed(PCIAddress.self))
    var address: [PCIAddress] = []

    func validate() throws {
        guard [format.json, format.quiet, table, tree].filter(\.self).count <= 1 else {
            throw ValidationError("give one of --json, --quiet, --table and --tree")
        }
    }

    func run() async throws {
        var reading =
            format.json || format.quiet
            ? InventorySource.Reading(inventory: try await source.read(), owners: nil)
            : try await source.readWithOwners()
        try keepWanted(&reading.inventory)
        let inventory = reading.inventory
        for warning in inventory.warnings where !format.json { Terminal.error("warning: \(warning.printable)") }
        try Output.list(inventory, format, ids: inventory.functions.map(\.address.description)) { style in
            tree
                ? inventory.tree(style, owners: reading.owners ?? [:])
                : inventory.table(owners: reading.owners).rendered(style)
        }
    }

    private func keepWanted(_ inventory: inout Inventory) throws {
        let wanted = Set(address)
        let known = Set(inventory.functions.map(\.address))
        if let missing = address.first(where: { !known.contains($0) }) {
            throw Failure(.refused, ErrorBody(Refusal.unknownFunction(missing)).error)
        }
        if !wanted.isEmpty { inventory.functions.removeAll { !wanted.contains($0.address) } }
        guard pf || vf else { return }
        inventory.functions.removeAll { !(pf && $0.sriov != nil || vf && $0.virtualFunction != nil) }
    }
}
