// SPDX-License-Identifier: GPL-3.0-or-later
import Algorithms
import ArgumentParser
import ControlAPI
import PrintableText

extension DomainCommand {
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Shows what a domain asks for, what it has, and whether it can migrate.")

        @OptionGroup var domain: DomainOptions

        func run() async throws {
            let report = try await domain.connection.client.post(
                Route.show, DomainNameRequest(domain: domain.name), as: DomainReport.self)
            try Output.list(report, domain.format, ids: report.devices.map(\.name)) { report.text($0) }
        }
    }
}

extension DomainReport {
    /// The report for people.
    func text(_ style: Style) -> String {
        var text = style.bold(name.printable) + "  " + style.ink(state == "running" ? .green : .dim, state.printable)
        text += style.ink(.dim, (persistent ? "  \(uuid)" : "  transient  \(uuid)").printable) + "\n"
        text += facts.map { folded($0, style) }.joined()
        text += "\n" + table.rendered(style) + "\n"
        text += nearness(style)
        if let freeHotplugPorts { text += folded("free hot-plug ports: \(freeHotplugPorts)", style) }
        let possible = migration.possible.printable
        let ink: Style.Ink? = possible == "yes" ? .green : possible == "no" ? .yellow : nil
        text += "can migrate: " + (ink.map { style.ink($0, possible) } ?? possible) + "\n"
        text += migration.reasons.map { folded($0, style, indent: 2) }.joined()
        if let remedy = migration.remedy { text += folded("fix: \(remedy)", style, indent: 2) }
        if let lastRefusal {
            let (many, at) = (lastRefusal.tries > 1, lastRefusal.at)
            let when =
                many
                ? "still refused" + (at.map { " since \($0)" } ?? "") : "last refusal" + (at.map { ", \($0)" } ?? "")
            text += folded("\(when): \(lastRefusal.message)", style)
            if let remedy = lastRefusal.remedy { text += folded("fix: \(remedy)", style, indent: 2) }
        }
        return text
    }

    private var facts: [String] {
        if let requestProblem { return ["its request cannot be read: \(requestProblem)"] }
        guard let request else { return ["it requests nothing"] }
        let devices = request.devices.map { "\($0.name) from \($0.pool)" }.joined(separator: ", ")
        let binding = request.binding == "running" ? "for each run" : "while it is defined"
        return [
            "requests \(devices.isEmpty ? "no device" : devices), \(binding)"
                + (request.numa.map { ", NUMA \($0)" } ?? "")
        ]
    }

    private var table: Table {
        Table(
            columns: [
                .init("DEVICE"), .init("FUNCTION", isWhole: true), .init("CLAIM", isWhole: true),
                .init("STATE", expendability: 1),
                .init("POOL", expendability: 3), .init("NODE", expendability: 2), .init("MAC", expendability: 4),
                .init("VLAN", expendability: 5), .init("PERSISTENT"), .init("RUNNING"),
            ],
            rows: devices.map { device in
                [
                    device.name, device.address?.description ?? "-", device.claim ?? "-",
                    device.change ?? (device.state == "inUse" ? "in use" : device.state ?? "-"), device.pool ?? "-",
                    device.numaNode.map(String.init) ?? "-", device.mac?.description ?? "-", device.vlan ?? "-",
                    Self.mark(device.persistentXML), Self.mark(device.runningXML),
                ]
            },
            whenEmpty: "no device of Buslane's")
    }

    /// Whether the guest is near its devices, and how to bring it there.
    private func nearness(_ style: Style) -> String {
        let all = devices.compactMap(\.alignment)
        guard !all.isEmpty else { return "" }
        let fits = all.flatMap { [$0.vcpus, $0.memory, $0.guestNode].compactMap(\.self) }
        let (answer, ink): (String, Style.Ink) =
            fits.contains("differs")
            ? ("no", .yellow) : fits.contains("open") ? ("not surely", .yellow) : ("yes", .green)
        let lines = all.flatMap { $0.problems + ($0.remedy.map { ["fix: \($0)"] } ?? []) }.uniqued()
        return "near its devices: " + style.ink(ink, answer) + "\n"
            + lines.map { folded($0, style, indent: 2) }.joined()
    }

    private static func mark(_ presence: String?) -> String {
        switch presence {
        case "present": "yes"
        case "absent": "no"
        case nil: "-"
        case let other?: other
        }
    }

    /// A paragraph, broken between words at the width of the terminal.
    private func folded(_ text: String, _ style: Style, indent: Int = 0) -> String {
        var lines: [String] = []
        let margin = String(repeating: " ", count: indent)
        var line = margin
        for word in text.printable.split(separator: " ") {
            let hangs = lines.isEmpty ? margin : margin + "  "
            if line.columns > hangs.columns, line.columns + 1 + String(word).columns > style.width {
                lines.append(line)
                line = margin + "  " + word
            } else {
                line += (line.columns > hangs.columns ? " " : "") + word
            }
        }
        return (lines + [line]).joined(separator: "\n") + "\n"
    }
}
