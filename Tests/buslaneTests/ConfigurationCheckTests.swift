// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import ControlAPI
import HostModel
import Testing

@testable import buslane

@Suite("buslane config check")
struct ConfigurationCheckTests {
    private func check(_ yaml: String, on host: HostSnapshot? = nil) -> ConfigurationCheck {
        var reader = ConfigurationReader()
        reader.read(yaml, file: "lab/a.yaml")
        return ConfigurationCheck(reader, files: ["lab/a.yaml"], on: host)
    }

    private func host() throws -> HostSnapshot {
        let card = Function(
            address: try PCIAddress("0000:3b:00.0" as String),
            identity: Identity(vendor: 0x8086, device: 0x10c9, classCode: 0x020000), numaNode: 0,
            role: .physicalFunction(SRIOV(totalVFs: 7, vfCount: 0)),
            interfaces: [NetworkInterface(name: "ens1f0", index: 2, mac: nil, state: "up", isAdministrativelyUp: true)])
        return HostSnapshot(
            host: HostIdentity(name: "kvm7"), iommu: IOMMU(enabled: true, kind: nil), functions: [card])
    }

    @Test("says what is there when nothing is wrong, and that no host was looked at")
    func fine() {
        let check = check("pools: [{name: a, select: {numaNodes: [0]}}]")
        #expect(check.errors.isEmpty)
        #expect(check.text == "1 file, 0 card declarations, 1 pool: nothing wrong; not compared with a host\n")
    }

    @Test("reports every error with its place and a suggestion")
    func errors() {
        let check = check("pools:\n  - {name: a, selekt: {}}\n  - {name: b, select: {pfName: [x]}}\n")
        let lines = check.text.split(separator: "\n").map(String.init)
        #expect(lines[0] == "lab/a.yaml:2:15: error: unknown key 'selekt'")
        #expect(lines[1].hasPrefix("  fix: did you mean 'select'?"))
        #expect(lines[2] == "lab/a.yaml:2:23: error: an empty selector would mean every function")
        #expect(lines[4] == "lab/a.yaml:3:24: error: unknown key 'pfName'")
        #expect(lines.last == "3 errors; not compared with a host")
    }

    @Test("on a host, a selector that meets nothing says what it met, and a pool without a function is a note")
    func compared() throws {
        let text = """
            physicalFunctions:
              - {vfCount: 2, select: {vendors: ["8086"], pfNames: [ens1fO]}}
              - {vfCount: 9, select: {addresses: ["3b:00.0"]}}
            pools:
              - {name: lanes, select: {kinds: [virtual-function]}}
              - {name: all, select: {numaNodes: [0]}}
            """
        let check = check(text, on: try host())
        #expect(
            check.errors.map(\.message) == [
                "this entry selects no physical function of this host: vendors 8086 meets 0000:3b:00.0; "
                    + "pfNames ens1fO meets none (there is ens1f0)",
                "cannot create 9 VFs on 0000:3b:00.0: it has at most 7",
            ])
        #expect(check.errors.map(\.line) == [2, 3] && check.errors.map(\.file) == ["lab/a.yaml", "lab/a.yaml"])
        #expect(check.notes.map(\.line) == [5])
        let document = try JSON.decode(ConfigurationCheckDocument.self, from: JSON.encode(check.document))
        #expect(document == check.document)
        #expect(!document.valid && document.comparedWithHost)
    }

    @Test("the command takes files and a host's root")
    func arguments() throws {
        let command = try Control.parseAsRoot(["config", "check", "a.yaml", "b.yaml", "--host-root", "/tree"])
        let check = try #require(command as? ConfigCommand.Check)
        #expect(check.files == ["a.yaml", "b.yaml"] && check.hostRoot == "/tree")
    }
}
