// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import Foundation
import HostModel
import HostSimulator
import TemporaryFiles
import Testing

@testable import buslaned

@Suite("The configuration in force")
struct StandingConfigurationTests {
    private let folder = TemporaryFolder()
    private let configuration: ConfigurationInForce

    init() { configuration = ConfigurationInForce(ConfigurationFolder(directory: folder.path)) }

    private func write(_ text: String) throws {
        try text.write(toFile: folder.path + "/buslane.yaml", atomically: true, encoding: .utf8)
    }

    private static let good = "pools:\n  - {name: a, select: {numaNodes: [0]}}\n"

    @Test("a host without a file has no pools, and nothing to apply")
    func none() throws {
        #expect(try configuration.inForce() == DesiredState())
        #expect(configuration.problem == nil)
        #expect(throws: ConfigurationError.self) { try configuration.declared() }
    }

    @Test("a change of the file counts at once")
    func rewritten() throws {
        try write(Self.good)
        #expect(try configuration.declared().pools.map(\.name) == ["a"])
        try write(Self.good.replacingOccurrences(of: "name: a", with: "name: b"))
        #expect(try configuration.declared().pools.map(\.name) == ["b"])
    }

    @Test(
        "an invalid, empty or missing file is refused, and claims use the last valid configuration",
        arguments: ["pools: 3\n", "", "pools:\n\t- name: a\n", nil])
    func wrong(text: String?) throws {
        try write(Self.good)
        #expect(try configuration.inForce().pools.map(\.name) == ["a"])
        if let text {
            try write(text)
        } else {
            try FileManager.default.removeItem(atPath: folder.path + "/buslane.yaml")
        }
        let error = #expect(throws: ConfigurationError.self) { try configuration.declared() }
        #expect(configuration.problem == error)
        #expect(error?.remedy != nil || text == "pools: 3\n")
        #expect(try configuration.inForce().pools.map(\.name) == ["a"])
        try write(Self.good)
        #expect(configuration.problem == nil)
        #expect(try configuration.declared().pools.map(\.name) == ["a"])
    }

    @Test("a daemon that starts without its earlier file removes nothing, and reports it")
    func gone() async throws {
        let scene = try Scene()
        try await scene.apply(Scene.declaring(2, vfDriver: "vfio-pci"))
        let again = try scene.next()
        try await again.daemon.cards.recovery.recover()
        await again.daemon.cards.bootRestore.restore()
        #expect(again.host.now[Scene.card]?.sriov?.vfCount == 2)
        #expect(try await again.ledger.events().last?.kind == .degraded)
    }
}
