// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import PrintableText

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Shows what apply would do and what it would take away. Changes nothing.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var declared: ConfigurationOptions
    @Flag(help: "Print JSON, with every step and its conditions.") var json = false

    func run() async throws {
        let plan = try await connection.client.post(
            Route.plan, PlanRequest(configuration: declared.text()), as: PlanDocument.self)
        if json {
            try Output.json(plan)
        } else {
            Terminal.out(plan.text)
        }
    }
}

extension PlanDocument {
    /// For people: a block for each PF, a line for each change.
    var text: String {
        var lines = (notes ?? []).map { "note: \($0)".printable }
        guard !empty else { return (lines + ["nothing to do: the host is as declared"]).joined(separator: "\n") + "\n" }
        for entry in physicalFunctions {
            let why = entry.purpose == .declared ? "declared" : "no longer declared: restored"
            lines.append(Terminal.bold("\(entry.address)  (\(why))"))
            lines += entry.changes.map { "  \($0.subject)  \($0.from)  →  \($0.to)".printable }
        }
        let steps = physicalFunctions.flatMap(\.changes).reduce(0) { $0 + $1.steps.count }
        lines.append("\(steps) steps")
        if !blastRadius.functions.isEmpty {
            lines.append("takes away: \(blastRadius.functions.map(\.description).joined(separator: " "))")
        }
        if !blastRadius.interfaces.isEmpty {
            lines.append("and the host's interfaces \(blastRadius.interfaces.joined(separator: " ").printable)")
        }
        if let elsewhere = blastRadius.interfacesElsewhere {
            lines.append(
                "and the interfaces in other network namespaces of \(elsewhere.map(\.description).joined(separator: " "))"
            )
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
