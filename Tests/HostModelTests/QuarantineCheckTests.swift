// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Testing

@Suite("Functions in quarantine, as findings")
struct QuarantineCheckTests {
    private func findings(_ quarantine: [PCIAddress: String], claimed: PCIAddress) -> [Finding] {
        var holdings = Holdings(claims: [claimed: .init(id: "c7", owner: .name("fw1"), ownerName: "fw1")])
        holdings.quarantine = quarantine
        return QuarantineCheck(holdings).findings
    }

    @Test("nothing in quarantine: no finding")
    func none() { #expect(findings([:], claimed: "0000:3b:10.0").isEmpty) }

    @Test("a claimed function is named with its claim, and others with the same reason together")
    func several() throws {
        let lost = "the ledger could not be read"
        let found = findings(
            ["0000:3b:10.4": lost, "0000:3b:10.0": lost, "0000:3b:10.2": lost, "0000:41:00.0": "no reset"],
            claimed: "0000:3b:10.2")
        #expect(found.map(\.subject) == ["host", "0000:3b:10.2", "0000:41:00.0"])
        #expect(found.allSatisfy { $0.code == "in-quarantine" && $0.severity == .warning })
        #expect(found[0].what == "0000:3b:10.0, 0000:3b:10.4 are in quarantine: the ledger could not be read")
        #expect(found[0].remedy == "buslane recover 0000:3b:10.0, once nothing uses it; likewise for the others")
        #expect(found[1].why.contains("claim c7") && found[1].why.contains("fw1"))
        #expect(found[2].remedy == "buslane recover 0000:41:00.0, once nothing uses it")
    }
}
