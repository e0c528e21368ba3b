// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import SystemPackage

struct TopologyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topology",
        abstract: "Draws the host: NUMA nodes, PFs, their VFs, groups and owners.",
        discussion: "Prints text, or with --svg writes a picture for a browser.")

    @OptionGroup var source: InventorySource
    @Option(help: "Write an SVG picture to this file (- for standard output).", completion: .file())
    var svg: String?

    func run() async throws {
        let reading = try await source.readWithOwners()
        for warning in reading.inventory.warnings { Terminal.error("warning: \(warning)") }
        let topology = Topology(of: reading.inventory, owners: reading.owners)
        guard let svg else {
            Terminal.out(TopologyText(of: topology).rendered(Terminal.style))
            return
        }
        let picture = TopologyDrawing(of: topology).svg
        guard svg != "-" else {
            Terminal.out(picture)
            return
        }
        do {
            try File.write(svg, picture.utf8)
        } catch {
            throw Failure(
                .refused, "unwritable", subject: svg, "cannot write \(svg): \(error)",
                fix: "check that the folder exists and is writable")
        }
    }
}
