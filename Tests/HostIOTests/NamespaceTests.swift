// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import HostModel
import HostSimulator
import Testing

@testable import HostIO

@Suite("Reading a function whose interface is in another network namespace")
struct NamespaceTests {
    private static let home = "/sys/devices/pci0000:16/0000:16:02.0/0000:17:00.2"

    /// The function, read from a folder with these lines.
    private func function(_ driver: String?, _ lines: String, isLive: Bool = true) throws -> Function {
        let tree = try FixtureTree("[\(Self.home)]\n\(lines)")
        var function = Function(address: "0000:17:00.2", identity: .unknown, driver: driver)
        try withExtendedLifetime(tree) {
            var pass = ReadPass()
            let home = try Directory(tree.paths.sysfs + String(Self.home.dropFirst("/sys".count)))
            InterfaceReader(paths: tree.paths, isLive: isLive)
                .readInterfaces(into: &function, home, withSpeeds: false, &pass)
        }
        return function
    }

    @Test("on a running host, an empty folder of a host driver's interfaces shows it")
    func empty() throws {
        let empty = "[\(Self.home)/net]"
        #expect(try function("iavf", empty).hasInterfaceElsewhere)
        #expect(try function("mlx5_core", empty).hasInterfaceElsewhere)
        #expect(try function("virtio-pci", "[\(Self.home)/virtio3/net]").hasInterfaceElsewhere)
        #expect(try !function("iavf", empty, isLive: false).hasInterfaceElsewhere)
        #expect(try !function("vfio-pci", empty).hasInterfaceElsewhere)
        #expect(try !function(nil, empty).hasInterfaceElsewhere)
    }

    @Test("an interface in the folder, or no folder, does not")
    func present() throws {
        let present = try function("iavf", "net/ens1v0/ifindex = 7\nnet/ens1v0/flags = 0x1002")
        #expect(present.interfaces.map(\.name) == ["ens1v0"])
        #expect(!present.hasInterfaceElsewhere)
        #expect(try !function("nvme", "nvme/nvme0/size = 1").hasInterfaceElsewhere)
        #expect(try !function("virtio-pci", "virtio3/block/vda/size = 1").hasInterfaceElsewhere)
    }
}
