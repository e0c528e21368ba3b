// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HostIO
import HostModel
import HostSimulator
import Logging
import TemporaryFiles
import Testing

@testable import buslaned

@Suite("The real host")
struct KernelHostTests {
    @Test("a card is read anew when cards are compared, and remembered for allocations")
    func cards() throws {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        func write(_ text: String, to name: String) throws {
            let file = URL(filePath: folder.path + "/sys/bus/pci/devices/\(Scene.card)/" + name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try (text + "\n").write(to: file, atomically: false, encoding: .utf8)
        }
        for (name, text) in [("vendor", "0x8086"), ("device", "0x10c9"), ("class", "0x020000")] {
            try write(text, to: name)
        }
        let host = try KernelHost(
            paths: HostPaths(root: folder.path), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        #expect(host.cardIdentity(at: Scene.card)?.macs == [])
        // Its driver is late, and the event of it later still.
        try write("0", to: "net/ens1f0/addr_assign_type")
        try write("02:00:00:00:00:01", to: "net/ens1f0/address")
        #expect(host.cardIdentity(at: Scene.card)?.macs == [])
        #expect(try host.freshCardIdentities(on: host.snapshot())[Scene.card]?.macs == ["02:00:00:00:00:01"])
        #expect(host.cardIdentity(at: Scene.card)?.macs == ["02:00:00:00:00:01"])
    }
}
