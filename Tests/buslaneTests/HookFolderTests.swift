// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import Testing

@testable import buslane

@Suite("buslane hook")
struct HookFolderTests {
    private let folder: HookFolder
    private let ours = Array("#!hook urn:buslane:request: 1".utf8)
    private let newer = Array("#!hook urn:buslane:request: 2".utf8)
    private let running = LibvirtDaemon(name: "libvirtd", process: 1, lookedAt: Date(timeIntervalSinceNow: 60))

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "buslane-hooks-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        folder = HookFolder(path: url.path)
    }

    private func put(_ name: String, _ content: [UInt8], mode: Int) throws {
        let path = folder.path + "/" + name
        try FileManager.default.createDirectory(
            atPath: folder.path + "/qemu.d", withIntermediateDirectories: true)
        try Data(content).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    private func status(_ pristine: [UInt8]? = nil, libvirt: LibvirtDaemon? = nil) -> HookStatus {
        HookStatus(of: folder, comparedWith: pristine ?? ours, libvirt: libvirt ?? running)
    }

    @Test("installs exactly one executable file, also over an older version")
    func installs() throws {
        #expect(status().state == .absent && status().effect == .none)
        for content in [ours, newer] {
            try folder.install(content)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/qemu.d") == ["50-buslane"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["qemu.d"])
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.hook)
            #expect(attributes[.posixPermissions] as? Int == 0o755)
            #expect(FileManager.default.contents(atPath: folder.hook) == Data(content))
        }
        #expect(status(newer).isAsItShouldBe)
        #expect(status(ours).state == .different)
        try folder.remove()
        try folder.remove()
        #expect(status().state == .absent)
    }

    @Test("sees what libvirt runs besides, in its order: leftovers of Buslane's and other people's")
    func leftovers() throws {
        try folder.install(ours)
        try put("qemu.d/.50-buslane.swp", ours, mode: 0o755)
        try put("qemu.d/50-buslane.dpkg-old", newer, mode: 0o755)
        try put("qemu.d/50-buslane~", ours, mode: 0o644)
        try put("qemu.d/10-other", Array("#!/bin/sh".utf8), mode: 0o755)
        try put("qemu", Array("#!/bin/sh".utf8), mode: 0o755)
        let found = status()
        #expect(found.leftovers.map { $0.split(separator: "/").last } == [".50-buslane.swp", "50-buslane.dpkg-old"])
        #expect(found.others == [folder.path + "/qemu", folder.path + "/qemu.d/10-other"])
        #expect(!found.isAsItShouldBe)
        #expect(found.text.contains("50-buslane.dpkg-old is Buslane's hook as well"))
    }

    @Test("knows a file that is not executable, is not Buslane's, or is no file")
    func foreign() throws {
        try put("qemu.d/50-buslane", ours, mode: 0o644)
        #expect(status().state == .notExecutable && status().effect == .none)
        try put("qemu.d/50-buslane", Array("#!/bin/sh".utf8), mode: 0o755)
        #expect(status().state == .foreign)
        try FileManager.default.removeItem(atPath: folder.hook)
        try FileManager.default.createSymbolicLink(atPath: folder.hook, withDestinationPath: "/bin/true")
        #expect(status().state == .foreign)
    }

    @Test(
        "finds the mark wherever it is in a program",
        arguments: [
            ("urn:buslane:request:", true), ("urn:buslane:request:x", true), ("uurn:buslane:request:", true),
            ("urn:urn:buslane:request:", true), ("urn:buslane:request", false), ("", false), ("u", false),
            ("urn:buslane:requesturn:buslane:request", false),
        ])
    func marks(text: String, isOurs: Bool) throws {
        try put("qemu.d/50-buslane", Array(text.utf8), mode: 0o755)
        #expect((status().state == .foreign) == !isOurs)
    }

    @Test("says whether libvirt has looked since there is a hook")
    func effect() throws {
        try folder.install(ours)
        #expect(status().effect == .inForce)
        let before = LibvirtDaemon(name: "libvirtd", process: 1, lookedAt: Date(timeIntervalSinceNow: -60))
        #expect(status(libvirt: before).effect == .notSeen)
        #expect(status(libvirt: before).text.contains("systemctl reload libvirtd"))
        #expect(!status(libvirt: before).isAsItShouldBe)
        let stopped = LibvirtDaemon(name: "libvirtd", process: nil, lookedAt: nil)
        #expect(status(libvirt: stopped).effect == .atNextStart)
        #expect(status(libvirt: stopped).isAsItShouldBe)
    }
}
