// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import Foundation
import HostModel
import HostSimulator
import Ledger
import Libvirt
import SystemServices
import TemporaryFiles

@testable import buslaned

/// A scene with a libvirt: the test driver, with one domain that doesn't run.
struct DomainScene {
    var scene: Scene
    let libvirt: LibvirtConnection
    var domains: DomainWiring
    private let folder: TemporaryFolder

    static let peer = PeerCredentials(pid: 1, uid: 0, gid: 0)
    static let name = "fw1"
    static let owner = Owner.domain(uuid: Domain.uuid)

    /// A card with four VFs, of the pool `vfs`; the first is all that the pool `few` has, the third all of `rest`.
    init(_ host: HostSimulator = Scene.oneCard()) async throws {
        scene = try Scene(host)
        try await scene.apply(Scene.declaring(4))
        try scene.configure(
            """
            physicalFunctions: [ { select: { addresses: ["\(Scene.card)"] }, vfCount: 4 } ]
            pools:
              - { name: vfs, select: { kinds: [virtual-function] } }
              - { name: few, select: { addresses: ["\(Scene.vf[0])"] } }
              - { name: rest, select: { addresses: ["\(Scene.vf[2])"] } }
            """)
        folder = TemporaryFolder()
        let node = "<node>\(Self.xml())</node>".replacing("</domain>", with: Self.shutOff + "</domain>")
        try node.write(toFile: folder.path + "/node.xml", atomically: true, encoding: .utf8)
        libvirt = LibvirtConnection(uri: "test://" + folder.path + "/node.xml", lines: 1)
        domains = scene.domains(of: libvirt)
    }

    /// The test driver starts what it finds; `state` 5 is shut off.
    private static let shutOff =
        "<test:runstate xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>5</test:runstate>"

    static func xml(
        _ name: String = name, uuid: String = Domain.uuid, request: String = "", devices: String = ""
    ) -> String {
        """
        <domain type='test'>
          <name>\(name)</name>
          <uuid>\(uuid)</uuid>
          <metadata>
            <other:note xmlns:other="urn:other">kept</other:note>
            \(request)
          </metadata>
          <memory unit='MiB'>64</memory>
          <os><type>hvm</type></os>
          <devices>
            <graphics type='vnc' passwd='secret'/>
            \(devices)
          </devices>
        </domain>
        """
    }

    static func request(_ devices: String, binding: String = "defined") -> String {
        "<b:request xmlns:b='urn:buslane:request:1' binding='\(binding)'>\(devices)</b:request>"
    }

    /// Somebody's `virsh define`.
    func define(_ devices: String, binding: String = "defined", and others: String = "") async throws {
        try await libvirt.define(Self.xml(request: Self.request(devices, binding: binding), devices: others))
    }

    /// Somebody's `virsh edit`.
    func edit(_ change: (String) -> String) async throws { try await libvirt.define(change(try await xml())) }

    func xml() async throws -> String { try await libvirt.inactiveXML(of: Self.name) }

    @discardableResult
    func sync() async throws -> [String] { try await domains.binder.sync(uuid: Domain.uuid) }

    /// Advances the clock by this many seconds.
    mutating func later(by seconds: Int) {
        scene.clock.set { BootClock.now() + seconds }
        domains = scene.domains(of: libvirt)
    }

    /// Buslane's devices in the persistent XML, by name.
    func injected() async throws -> [String: PCIAddress] {
        let domain = try Domain(parsing: try await xml())
        return Dictionary(uniqueKeysWithValues: domain.injected.map { ($0.name, $0.address) })
    }

    /// The domain's claims, by device name.
    func claimed() async throws -> [String: PCIAddress] {
        let claims = try await scene.ledger.claims().filter { $0.owner == Self.owner }
        return Dictionary(uniqueKeysWithValues: claims.flatMap(\.assignments).map { ($0.name, $0.address) })
    }

    func trouble() -> String? { domains.troubles[Domain.uuid]?.trouble.code }
}

extension String {
    /// The XML without the elements of this name that contain the text.
    func without(_ element: String, containing text: String) -> String {
        var rest = self
        var from = rest.startIndex
        while let start = rest.range(of: "<\(element) ", range: from..<rest.endIndex),
            let end = rest.range(of: "</\(element)>", range: start.lowerBound..<rest.endIndex)
        {
            if rest[start.lowerBound..<end.upperBound].contains(text) {
                rest.removeSubrange(start.lowerBound..<end.upperBound)
                from = rest.startIndex
            } else {
                from = end.upperBound
            }
        }
        return rest
    }
}
