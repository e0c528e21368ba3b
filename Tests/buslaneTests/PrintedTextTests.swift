// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import ControlAPI
import HostModel
import PrintableText
import Synchronization
import Testing

@testable import buslane

/// Texts of the daemon and of the host can be another user's.
@Suite("What commands print of other people's texts")
struct PrintedTextTests {
    private final class Paper: Sendable {
        let text = Mutex("")
    }

    private static let evil = "x\u{1b}[2J\u{9b}31m\u{202e}\u{2028}y\u{85}z\rerror: forged\nerror: forged"

    private func expectHarmless(_ text: String, lines: Int? = nil) {
        #expect(text.unicodeScalars.allSatisfy { $0.isPrintable || $0 == "\n" }, "\(text)")
        #expect(!text.split(separator: "\n").contains { $0.hasPrefix("error: forged") })
        if let lines { #expect(text.split(separator: "\n").count == lines) }
    }

    @Test("a plan's notes, changes and interfaces")
    func plan() throws {
        var plan = Plan(blastRadius: BlastRadius())
        plan.notes = [Self.evil]
        expectHarmless(PlanDocument(plan).text, lines: 2)
    }

    @Test("a domain's report")
    func domain() {
        let evil = Self.evil
        var device = DomainReport.Device(name: evil)
        (device.claim, device.state, device.pool, device.vlan) = (evil, evil, evil, evil)
        (device.persistentXML, device.runningXML, device.change) = (evil, evil, evil)
        expectHarmless(
            DomainReport(
                name: evil, uuid: evil, state: evil, persistent: true,
                request: .init(binding: evil, numa: nil, devices: [.init(name: evil, pool: evil)]),
                requestProblem: nil, devices: [device], freeHotplugPorts: 1,
                migration: .init(possible: evil, reasons: [evil], remedy: evil),
                lastRefusal: .init(at: 1, message: evil, remedy: evil)
            ).text(.plain))
        expectHarmless(
            DomainReport(
                name: evil, uuid: evil, state: evil, persistent: false, request: nil, requestProblem: evil, devices: [],
                freeHotplugPorts: nil, migration: .init(possible: "no", reasons: [], remedy: nil), lastRefusal: nil
            ).text(.plain))
    }

    @Test("a finding, as the names of rivals' files have it")
    func findings() {
        var facts = PlatformFacts(hooks: .init(folder: Self.evil))
        facts.rivals = [.init(kind: .script, file: Self.evil, line: 1, text: Self.evil)]
        facts.unreadable = [Self.evil]
        let host = HostSnapshot(
            host: HostIdentity(name: Self.evil, machineID: nil, bootID: nil, kernel: Self.evil),
            iommu: IOMMU(enabled: true, kind: nil), functions: [])
        expectHarmless(Diagnosis(of: host, on: facts, problems: [Self.evil]).rendered(width: 100))
    }

    @Test("events, remarks about files, and progress")
    func lines() throws {
        let evil = Self.evil
        expectHarmless(EventsDocument.Entry(id: 1, at: 1, kind: evil, subject: evil, detail: evil).line, lines: 1)
        var reader = ConfigurationReader()
        reader.read("\(evil): 1", file: evil)
        expectHarmless(ConfigurationCheck(reader, files: [evil], ignored: [evil], on: nil).text)
        let paper = Paper()
        let display = ProgressDisplay(
            isTerminal: false, style: .plain, write: { text in paper.text.withLock { $0 += text } })
        display.show(waiting: evil, for: .seconds(10))
        let card = try PCIAddress("0000:3b:00.0" as String)
        display.show(.init(number: 1, total: 1, physicalFunction: card, action: evil))
        expectHarmless(paper.text.withLock(\.self))
    }

    @Test("the topology, as text and as a picture")
    func topology() throws {
        var host = try HostInWords.small()
        host.names.device = Self.evil
        let topology = Topology(of: host.inventory, owners: ["c-a": Self.evil, "c-b": "b"])
        expectHarmless(TopologyText(of: topology).rendered(.plain))
        expectHarmless(TopologyDrawing(of: topology).svg)
    }
}
