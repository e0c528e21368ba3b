// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import Foundation
import Glibc
import HostModel
import Testing

@testable import HostIO

/// A tree that a stranger sent is read by root. No name in it leads out of it, and nothing in it makes the reader wait.
@Suite("A stranger's tree")
struct CapturedTreeTests {
    /// Files outside of the tree that links try to reach, and the tree.
    private let outside: FixtureTree
    private let tree: FixtureTree

    private static let function = "/sys/devices/pci0000:3a/0000:3b:00.0"

    init() throws {
        outside = try FixtureTree()
        try outside.write("0xdead", to: "/secret/device")
        try outside.write("secret", to: "/secret/hostname")
        tree = try FixtureTree(
            """
            [\(Self.function)]
            vendor = 0x8086
            device = 0x158b
            class = 0x020000
            """)
    }

    /// Ways from a folder of the tree to a file outside: absolute, and up by as many steps as reach the real root.
    private func ways(to path: String) -> [String] {
        let up = String(repeating: "../", count: 40)
        return [outside.root + path, up + outside.root.dropFirst() + path, "/.." + outside.root + path]
    }

    private func withTrees(_ check: (HostTree) throws -> Void) rethrows {
        for hasKernelSupport in [true, false] {
            try check(HostTree(root: tree.root, hasKernelSupport: hasKernelSupport))
        }
    }

    private func text(_ path: String, in tree: HostTree) -> String? {
        var pass = ReadPass()
        return pass.contents(ofFile: HostPath(tree.root + path, in: tree))
    }

    @Test("a link out of it is a link to nothing", arguments: 0..<3)
    func attributes(way: Int) throws {
        try tree.remove(Self.function + "/device")
        try tree.makeRawLink(at: Self.function + "/device", to: ways(to: "/secret/device")[way])
        try tree.makeRawLink(at: "/proc/sys/kernel/hostname", to: ways(to: "/secret/hostname")[way])
        try tree.makeRawLink(at: "/etc", to: ways(to: "/secret")[way])
        let host = try tree.snapshot()
        #expect(host.functions.count == 1 && host.functions.first?.identity.device == nil)
        #expect(host.functions.first?.identity.vendor == 0x8086)
        #expect(host.host.name == "localhost")
        withTrees { tree in
            #expect(text(Self.function + "/device", in: tree) == nil)
            #expect(text("/etc/hostname", in: tree) == nil)
            #expect(text("/../../../../../../../../.." + outside.root + "/secret/hostname", in: tree) == nil)
        }
    }

    @Test("a folder that is a link out of it is empty", arguments: 0..<3)
    func folders(way: Int) throws {
        try outside.write("0x8086", to: "/functions/0000:ff:00.0/vendor")
        try outside.write("0x8086", to: "/functions/0000:ff:00.0/device")
        try outside.write("7", to: "/net/eth9/ifindex")
        try tree.makeRawLink(at: "/sys/bus/pci/devices/0000:ff:00.0", to: ways(to: "/functions/0000:ff:00.0")[way])
        try tree.makeRawLink(at: Self.function + "/net", to: ways(to: "/net")[way])
        let host = try tree.snapshot()
        #expect(host.functions.map(\.address.description) == ["0000:3b:00.0"])
        #expect(host.functions.first?.interfaces.isEmpty == true)
        withTrees { tree in
            let path = HostPath(tree.root + Self.function + "/net", in: tree)
            #expect(!path.exists && path.isEntry && (try? Directory(path)) == nil)
        }
    }

    @Test("links within it work as on the host: relative, absolute, in a chain")
    func inside() throws {
        try tree.write("here", to: "/data/real")
        try tree.makeRawLink(at: "/data/absolute", to: "/data/real")
        try tree.makeRawLink(at: "/data/relative", to: "../../../data/./real")
        try tree.makeRawLink(at: "/data/chain", to: "/data/absolute")
        try tree.makeRawLink(at: "/home", to: "/data/")
        try tree.makeRawLink(at: "/data/loop", to: "loop")
        try withTrees { tree in
            for name in ["real", "absolute", "relative", "chain"] {
                #expect(text("/data/\(name)", in: tree) == "here", "\(name)")
                #expect(text("/home/\(name)", in: tree) == "here", "\(name)")
            }
            #expect(text("/data/loop", in: tree) == nil && text("/data/real/x", in: tree) == nil)
            let home = try Directory(HostPath(tree.root + "/home", in: tree))
            #expect(home.contains("../data/real") && !home.contains("../../.." + outside.root))
            var pass = ReadPass()
            #expect(try pass.contents(of: "../data/chain", in: home) == "here")
            #expect(try pass.target(of: "chain", in: home) == "/data/absolute")
            #expect(try pass.target(of: "../data/chain", in: home) == "/data/absolute")
            #expect(try Directory("..", in: home).names().sorted() == ["data", "home", "sys"])
        }
    }

    @Test("pipes, sockets and devices are not opened: nobody waits for a writer")
    func others() throws {
        try tree.remove(Self.function + "/device")
        for path in [Self.function + "/device", Self.function + "/config", "/proc/cmdline", "/etc/netplan/a.yaml"] {
            try FileManager.default.createDirectory(
                atPath: (tree.root + path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            #expect(mkfifo(tree.root + path, 0o644) == 0)
        }
        try tree.makeRawLink(at: "/proc/cpuinfo", to: "/proc/cmdline")
        let modules = "/lib/modules/6.12"
        try tree.write("6.12", to: "/proc/sys/kernel/osrelease")
        try FileManager.default.createDirectory(atPath: tree.root + modules, withIntermediateDirectories: true)
        #expect(mkfifo(tree.root + modules + "/modules.alias", 0o644) == 0)
        let host = try tree.snapshot()
        #expect(host.functions.first?.identity.device == nil && host.functions.first?.identity.vendor == 0x8086)
        let facts = PlatformReader(paths: tree.paths, daemonSockets: ["/run/x"]).facts()
        #expect(facts.kernelCommandLine == nil && facts.rivals.isEmpty)
        // Only root can make one.
        if mknod(tree.root + "/zero", S_IFCHR | 0o644, dev_t(1 << 8 | 5)) == 0 {
            withTrees { #expect(text("/zero", in: $0) == nil) }
        }
    }

    @Test("what a captured script names is looked for in the tree")
    func scripts() throws {
        try outside.write("echo 4 > /sys/x/sriov_numvfs", to: "/opt/vfs.sh")
        try tree.write("/opt/../../../../../../../.." + outside.root + "/opt/vfs.sh", to: "/etc/rc.local")
        let reader = PlatformReader(paths: tree.paths, daemonSockets: ["/run/x"])
        #expect(reader.facts().rivals.isEmpty)
        try tree.write("echo 4 > /sys/x/sriov_numvfs", to: "/opt/vfs.sh")
        try tree.write("/opt/../../../../../../../../opt/vfs.sh", to: "/etc/rc.local")
        #expect(reader.facts().rivals.count == 1)
    }
}
