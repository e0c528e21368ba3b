// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import HostModel

struct InventoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inventory",
        abstract: "Lists every PCI function with the facts that decide passthrough.",
        discussion: """
            A group number with an exclamation mark is not viable: a host driver holds a function in it. \
            docs/inventory.schema.json describes the JSON. --pf and --vf together list both kinds.
            """)

    @OptionGroup var source: InventorySource
    @OptionGroup var format: FormatOptions
    @Flag(help: "Print a table (the default).") var table = false
    @Flag(help: "Print bridges, cards and VFs as a tree.") var tree = false
    @Flag(help: "Print a JSON line for each function that changes, until interrupted.") var watch = false
    @Flag(help: "List physical functions only.") var pf = false
    @Flag(help: "List virtual functions only.") var vf = false
    @Option(
        help: "List this function only; may be repeated.", completion: .functions, transform: parsed(PCIAddress.self))
    var address: [PCIAddress] = []

    func validate() throws {
        guard [format.json, format.quiet, table, tree].filter(\.self).count <= 1 else {
            throw ValidationError("give one of --json, --quiet, --table and --tree")
        }
        guard !watch || !(format.quiet || table || tree) else {
            throw ValidationError("--watch prints JSON lines: of the formats, it goes with --json only")
        }
        guard !watch || source.hostRoot == nil else {
            throw ValidationError("--watch follows this host's events: it does not go with --host-root")
        }
    }

    func run() async throws {
        if watch {
            return try await source.watch { change in
                if isWanted(change) { Terminal.out(try JSON.line(change)) }
            }
        }
        if format.json, !pf, !vf, address.isEmpty {
            for part in try await source.parts() { Terminal.out(part) }
            return Terminal.out("\n")
        }
        var reading =
            format.json || format.quiet
            ? InventorySource.Reading(inventory: try await source.read(), owners: nil)
            : try await source.readWithOwners()
        try keepWanted(&reading.inventory)
        let inventory = reading.inventory
        if format.json { return Terminal.out(try JSON.encode(inventory) + [UInt8(ascii: "\n")]) }
        for warning in inventory.warnings { Terminal.error("warning: \(warning)") }
        try Output.list(inventory, format, ids: inventory.functions.map(\.address.description)) { style in
            tree
                ? InventoryTree(of: inventory, owners: reading.owners ?? [:]).rendered(style)
                : InventoryTable(of: inventory, owners: reading.owners).rendered(style)
        }
    }

    /// An address that does not exist yet is allowed: the function may appear.
    private func isWanted(_ change: InventoryChange) -> Bool {
        guard let function = change.function else { return true }
        return (address.isEmpty || address.contains(function.address)) && isWantedKind(function)
    }

    private func isWantedKind(_ function: FunctionDocument) -> Bool {
        !(pf || vf) || pf && function.sriov != nil || vf && function.virtualFunction != nil
    }

    private func keepWanted(_ inventory: inout Inventory) throws {
        let wanted = Set(address)
        let known = Set(inventory.functions.map(\.address))
        if let missing = address.first(where: { !known.contains($0) }) {
            throw Failure(Refusal.function(missing, .unknown))
        }
        if !wanted.isEmpty { inventory.functions.removeAll { !wanted.contains($0.address) } }
        inventory.functions.removeAll { !isWantedKind($0) }
    }
}
