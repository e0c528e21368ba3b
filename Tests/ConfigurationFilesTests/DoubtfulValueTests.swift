// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HostModel
import TemporaryFiles
import Testing

@testable import ConfigurationFiles

@Suite("Values that two readers would take for different ones")
struct DoubtfulValueTests {
    private func error(_ vf: String, _ pf: String = "") -> ConfigurationError? {
        let yaml =
            "physicalFunctions:\n  - select: { addresses: [0000:03:00.0] }\n    vfCount: 12\n\(pf)    vfs:\n      - { \(vf) }\n"
        do throws(ConfigurationError) {
            _ = try DesiredState(yaml: yaml, file: "f")
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "a number that begins with 0 is refused, and both meanings are named",
        arguments: [
            ("range: 0, vlan: 0100", "write 100 or 64"), ("range: 0, vlan: 0_100", "write 100 or 64"),
            ("range: 010", "write 10 or 8"), ("range: 0, msixCount: 07", "write 7"),
            ("range: 0, maxTxRate: 08", "write 8"),
        ])
    func octal(vf: String, remedy: String) {
        #expect(error(vf)?.remedy == remedy)
        #expect(error(vf)?.problem.contains("begins with 0") == true)
    }

    @Test(
        "other ways to write a number, and digits that are none, stay",
        arguments: ["vlan: 1_000", "vlan: 0x10", "vlan: 0"])
    func plain(vf: String) { #expect(error("range: 0, " + vf) == nil) }

    @Test("a quoted range is a string")
    func quoted() { #expect(error("range: \"0-3\"") == nil) }

    @Test(
        "a name that no PCI driver has is refused on any host",
        arguments: [
            ("vfio", "did you mean 'vfio-pci'?"), ("vfio_pci", "did you mean 'vfio-pci'?"),
            ("none", "leave the key out: the VFs then have no driver"),
            ("off", "leave the key out: the VFs then have no driver"),
        ])
    func drivers(name: String, remedy: String) {
        #expect(error("range: 0", "    vfDriver: \(name)\n")?.remedy == remedy)
        #expect(error("range: 0, vfDriver: \(name)")?.remedy == remedy)
        #expect(error("range: 0, vfDriver: vfio-pci") == nil)
    }

    @Test("files that look like configuration and are not read are named")
    func ignored() throws {
        let folder = TemporaryFolder()
        let configuration = ConfigurationFolder(directory: folder.path)
        try FileManager.default.createDirectory(atPath: folder.path + "/conf.d", withIntermediateDirectories: true)
        for name in [
            "buslane.yml", "conf.d/10-a.yml", "conf.d/20-b.yaml", "conf.d/.30.yml", "conf.d/40.YAML", "conf.d/README",
        ] {
            try "pools: []".write(toFile: folder.path + "/" + name, atomically: true, encoding: .utf8)
        }
        #expect(
            configuration.ignored
                == ["buslane.yml", "conf.d/10-a.yml", "conf.d/40.YAML"].map { folder.path + "/" + $0 })
        #expect(configuration.files == [folder.path + "/conf.d/20-b.yaml"])
        try FileManager.default.removeItem(atPath: folder.path + "/conf.d")
        let error = #expect(throws: ConfigurationError.self) { try configuration.load() }
        #expect(error?.remedy?.hasPrefix("rename ") == true)
    }
}
