// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import Testing

@testable import buslane

@Suite("The command claims")
struct ClaimsCommandTests {
    private func rebind(_ arguments: String...) throws -> ClaimsCommand.Rebind {
        try #require(try Control.parseAsRoot(["claims", "rebind"] + arguments) as? ClaimsCommand.Rebind)
    }

    @Test("lists without a subcommand, with the options of every list")
    func list() throws {
        #expect(try Control.parseAsRoot(["claims"]) is ClaimsCommand)
        let json = try #require(try Control.parseAsRoot(["claims", "--json"]) as? ClaimsCommand)
        #expect(json.format.json)
        #expect(throws: (any Error).self) { try Control.parseAsRoot(["claims", "c1"]) }
    }

    @Test("rebind takes a function or --here, and the options of a list")
    func target() throws {
        let here = try rebind("c1", "--here", "--json")
        #expect(here.claim == "c1" && here.here && here.function == nil && here.format.json)
        let named = try rebind("c1", "0000:3d:10.0", "--device", "data0")
        #expect(named.function == "0000:3d:10.0" && named.device == "data0" && !named.here && !named.format.json)
        for wrong in [["c1"], ["c1", "3d"], ["c1", "0000:3d:10.0", "--here"], ["c1", "--here", "--device", "a"], []] {
            #expect(throws: (any Error).self) { try Control.parseAsRoot(["claims", "rebind"] + wrong) }
        }
    }
}
