// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import TestPrograms
import Testing

@Suite("The daemon's unit")
struct ServiceUnitTests {
    private static let analyzer = "/usr/bin/systemd-analyze"

    /// `Key=value` lines in their order, without comments.
    private let settings: [(key: String, value: String)]
    private let text: String

    init() throws {
        let file = Repository.root.appending(path: "systemd/buslaned.service")
        text = try String(contentsOf: file, encoding: .utf8)
        settings = text.split(separator: "\n").filter { !$0.hasPrefix("#") && $0.contains("=") }.map {
            let parts = $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            return (parts[0], parts[1])
        }
    }

    private func values(_ key: String) -> [String] { settings.filter { $0.key == key }.map(\.value) }

    @Test(
        "systemd's own examination gives an exposure below 3.0 of 10",
        .enabled(if: FileManager.default.isExecutableFile(atPath: analyzer)))
    func exposure() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "buslane-unit-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let unit = folder.appending(path: "buslaned.service")
        try Data(text.replacing("@sbindir@", with: "/usr/sbin").utf8).write(to: unit)
        let (_, output) = try TestProgram.run([
            Self.analyzer, "security", "--offline=true", "--no-pager", unit.path,
        ])
        let figure = output.firstMatch(of: /exposure level for buslaned\.service: (\d+\.\d)/).map { Double($0.1) }
        #expect(try #require(figure ?? nil, "\(output)") < 3.0, "\(output)")
    }

    @Test("a daemon that crashes again and again is started again and again")
    func crashLoop() throws {
        let unit = try #require(text.firstRange(of: "[Unit]")).upperBound
        let service = try #require(text.firstRange(of: "[Service]")).lowerBound
        #expect(text[unit..<service].contains("\nStartLimitIntervalSec=0\n"))
        #expect(values("Restart") == ["always"])
        #expect(values("RestartSec") == ["1"] && values("RestartMaxDelaySec") == ["10"])
        #expect(values("RestartPreventExitStatus").isEmpty && values("StartLimitAction").isEmpty)
    }

    @Test("the daemon's memory has a limit, and no swap is added to it")
    func memory() {
        #expect(values("MemoryMax") == ["512M"])
        #expect(values("MemorySwapMax") == ["0"])
    }

    @Test(
        "the daemon can write the files of devices and of the PCI bus, and see processes, disks and installed drivers")
    func work() {
        #expect(values("ReadWritePaths") == ["/sys/devices -/sys/bus/pci"])
        #expect(values("DeviceAllow") == ["block-* r"])
        #expect(values("RestrictAddressFamilies") == ["AF_UNIX AF_NETLINK"])
        // Each of these takes away something that the unit's comment says the daemon needs.
        for key in [
            "ProtectProc", "ProcSubset", "PrivateUsers", "PrivateNetwork", "PrivateDevices", "ProtectKernelModules",
        ] {
            #expect(values(key).isEmpty, "\(key)")
        }
    }
}
