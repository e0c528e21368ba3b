// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import Glibc
import TemporaryFiles
import TestPrograms
import Testing

@testable import buslane_hook

@Suite("libvirt's hook: which domains the daemon is asked about")
struct DomainInputTests {
    /// Devices with a PCI function of the host, as libvirt writes them.
    static let functions = [
        "<hostdev mode='subsystem' type='pci' managed='yes'><source><address bus='0x3b'/></source></hostdev>",
        "<interface type='hostdev' managed='yes'><mac address='52:54:00:11:22:33'/></interface>",
        "<disk type='nvme' device='disk'><source type='pci' managed='yes' namespace='1'/></disk>",
        "<qemu:commandline><qemu:arg value='-device'/><qemu:arg value='vfio-pci,host=3b:10.0'/></qemu:commandline>",
        "<qemu:commandline><qemu:arg value='-blockdev'/><qemu:arg value='driver=nvme,device=3b:10.0'/></qemu:commandline>",
        #"<qemu:commandline><qemu:arg value='{"driver":"v\u0066io-pci","host":"3b:10.0"}'/></qemu:commandline>"#,
        "<qemu:override><qemu:property name='driver' value='vfio-pci'/></qemu:override>",
    ]
    /// Devices without one.
    static let others = [
        "", "<interface type='network'><address type='pci' domain='0x0000'/></interface>",
        "<hostdev mode='subsystem' type='usb'><source/></hostdev><controller type='pci' model='pcie-root-port'/>",
        "<disk type='file'><source file='/srv/nvme/disk'/><address type='pci'/></disk>",
        "<qemu:commandline><qemu:arg value='-cpu'/><qemu:arg value='host'/></qemu:commandline>",
    ]
    static let marks = [
        "<alias name='ua-buslane-data0'/>", "<b:request xmlns:b='urn:buslane:request:1'/>",
    ]

    private func input(_ text: String) throws -> DomainInput {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = folder.path + "/domain.xml"
        try Data(text.utf8).write(to: URL(filePath: path))
        // SAFETY: the string lives until the call returns.
        let file = unsafe open(path, O_RDONLY)
        defer { close(file) }
        return .read(from: file)
    }

    private static func domain(_ devices: String, padding: Int = 0) -> String {
        "<domain type='kvm'><name>fw1</name><title>\(String(repeating: "x", count: padding))</title><devices>"
            + devices + "</devices></domain>"
    }

    @Test("a device with a function of the host, wherever the reads split it", arguments: functions)
    func withFunction(device: String) throws {
        for padding in [0, 32768 - 80, 32768 - 100, 32768 - 130, 65536 - 90] {
            let text = Self.domain(device, padding: padding)
            let found = try input(text)
            #expect(found.namesFunction && !found.concernsBuslane && found.bytes == Array(text.utf8))
        }
    }

    @Test("no device with a function of the host", arguments: others)
    func withoutFunction(device: String) throws {
        let found = try input(Self.domain(device))
        #expect(!found.mattersToDaemon && found.bytes.isEmpty)
    }

    @Test("a mark of Buslane's", arguments: marks)
    func marked(mark: String) throws { #expect(try input(Self.domain(mark)).concernsBuslane) }

    @Test("a large XML does not hide a function", arguments: [0, DomainInput.limit])
    func large(before: Int) throws {
        let filling = "<!--" + String(repeating: "y", count: before) + "-->"
        let after = "<!--" + String(repeating: "z", count: DomainInput.limit - before + 1) + "-->"
        let found = try input(Self.domain(filling + Self.functions[0] + after))
        #expect(found.isTooLarge && found.namesFunction)
        #expect(try !input(Self.domain(filling + after)).mattersToDaemon)
    }

    /// Runs the hook where no daemon is.
    ///
    /// - Returns: its status, its output, and the reports that it left.
    private func run(_ operation: String, _ xml: String) throws -> (status: Int32, output: String, spool: [String]) {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let programs = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let spool = folder.path + "/spool"
        let ended = try TestProgram.run(
            [
                "env", "BUSLANE_SOCKET=\(folder.path)/none.sock", "BUSLANE_SPOOL=\(spool)",
                programs.path + "/buslane-hook", "fw1", operation, "begin", "-",
            ], input: xml)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: spool)) ?? []
        return (
            ended.status, ended.output, try names.map { try String(contentsOfFile: spool + "/" + $0, encoding: .utf8) }
        )
    }

    @Test("without a daemon, a domain with functions and without marks starts, and the start is left in the spool")
    func unmarked() throws {
        for device in Self.functions {
            let ended = try run("prepare", Self.domain(device))
            #expect(ended.status == 0 && ended.output.isEmpty)
            #expect(ended.spool.count == 1 && ended.spool[0].contains("\"operation\":\"prepare\""), "\(ended.spool)")
        }
    }

    @Test("without a daemon, a domain with marks does not start, with functions of its own or without")
    func refused() throws {
        for mark in Self.marks {
            let ended = try run("prepare", Self.domain(mark + Self.functions[0]))
            #expect(ended.status == 1 && ended.output.contains("no daemon answers") && ended.spool.isEmpty)
        }
    }

    @Test("a domain without functions starts at once, and leaves nothing")
    func unconcerned() throws {
        for device in Self.others {
            let ended = try run("prepare", Self.domain(device))
            #expect(ended.status == 0 && ended.output.isEmpty && ended.spool.isEmpty)
        }
    }

    @Test("a stop of a domain without marks fills no spool; one of a domain with marks is kept")
    func stops() throws {
        #expect(try run("release", Self.domain(Self.functions[0])).spool.isEmpty)
        #expect(try run("release", Self.domain(Self.marks[0])).spool.count == 1)
    }
}
