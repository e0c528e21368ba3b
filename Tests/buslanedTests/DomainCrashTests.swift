// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import Foundation
import HostModel
import HostSimulator
import Testing

@testable import buslaned

/// The daemon is ended at every moment at which it touches the host, while a domain becomes what it asks for. libvirt
/// lives on, and so does the domain's XML.
@Suite("The daemon is killed while a domain's devices change")
struct DomainCrashTests {
    private static let one = "<b:device name='a' pool='vfs'/>"

    /// A domain's earlier request and its present one.
    private static let edits = [
        (one, one + "<b:device name='b' pool='vfs' vlan='7'/>"),
        (one, "<b:device name='a' pool='few'/>"),
        (one, "<b:device name='a' pool='few' vlan='7'/><b:device name='b' pool='vfs'/>"),
        (
            "<b:device name='a' pool='few'/><b:device name='b' pool='rest'/>",
            "<b:device name='a' pool='rest'/><b:device name='b' pool='few' vlan='7'/>"
        ),
        (one, "<b:device name='a' pool='vfs' mac='52:54:00:11:22:33'/>"),
        ("<b:device name='a' pool='few'/><b:device name='b' pool='vfs'/>", "<b:device name='b' pool='vfs'/>"),
    ]

    /// A domain that has what it asked for first, and asks for something else: the function that both pools have is
    /// free only now.
    private func edited(_ edit: (String, String)) async throws -> DomainScene {
        let at = try await DomainScene()
        let isTaken = !edit.0.contains("few")
        let other = isTaken ? try await at.scene.allocate(for: .name("other")) : nil
        try await at.define(edit.0)
        try await at.sync()
        if let other { try await at.scene.release(other) }
        try await at.edit { xml in
            guard let start = xml.range(of: "<b:request"), let end = xml.range(of: "</b:request>") else { return xml }
            return xml.replacingCharacters(
                in: start.lowerBound..<end.upperBound, with: DomainScene.request(edit.1))
        }
        return at
    }

    @Test("the next reconciliation has the same result as the one that was interrupted", arguments: edits.indices)
    func killed(number: Int) async throws {
        let edit = Self.edits[number]
        let reference = try await edited(edit)
        try await reference.sync()
        for moment in 1... {
            var at = try await edited(edit)
            at.scene.crash(at: moment)
            _ = try? await at.sync()
            guard at.scene.host.hasCrashed else {
                #expect(moment > 5, "only \(moment - 1) moments: nothing was tested")
                break
            }
            at.scene = try at.scene.restarted()
            at.domains = at.scene.domains(of: at.libvirt)
            try await at.scene.daemon.cards.recovery.recover()
            await at.scene.daemon.cards.bootRestore.restore()
            let comment: Comment = "killed at moment \(moment)"
            try await at.scene.expectAtRest(comment)
            try await at.sync()
            #expect(try await at.devices() == reference.devices(), comment)
            #expect(try await at.injected() == at.claimed(), comment)
            #expect(try await at.scene.unclaimedAsFound(), comment)
            #expect(try await at.scene.ledger.holdings().quarantine.isEmpty, comment)
            #expect(try await at.sync() == [], comment)
            try await at.scene.expectAtRest(comment)
        }
    }
}

extension DomainScene {
    /// What matters of a domain's devices: of which pool they are, and what they are set to. Which of a pool's
    /// functions each has may depend on what was free at the time.
    fileprivate func devices() async throws -> [String: String] {
        var devices: [String: String] = [:]
        for claim in try await scene.ledger.claims() {
            for assignment in claim.assignments {
                let function = try #require(scene.host.now[assignment.address])
                var settings = try #require(function.vfSettings)
                #expect(settings.mac == assignment.settings.mac)
                settings.mac = nil
                devices[assignment.name] = "\(claim.state) of \(claim.pool), \(function.driver ?? "none"), \(settings)"
            }
        }
        return devices
    }
}

extension Scene {
    /// Whether the unclaimed VFs are as they were before their first claim.
    fileprivate func unclaimedAsFound() async throws -> Bool {
        let held = try await ledger.holdings().claims
        return Scene.vf.filter { held[$0] == nil }.allSatisfy { address in
            let function = host.now[address]
            let settings = function?.vfSettings
            return function?.driver == nil && function?.driverOverride == nil
                && settings?.mac == "00:00:00:00:00:00" && settings?.vlan == VFSettings.VLANChoice.none
        }
    }
}
