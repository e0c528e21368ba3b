// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel
import Ledger
import Libvirt
import Logging

/// Device changes that were begun and not ended: because the daemon ended, libvirt could not write, or a guest answers
/// late.
struct UnfinishedChanges: Sendable {
    let access: DomainAccess
    let pictures: PictureReader
    let devices: GuestDevices
    let claims: DomainClaims
    let ledger: Ledger
    let logger: Logger

    /// Completes or undoes the changes of a domain.
    ///
    /// - Parameter asking: asks the guest again for devices that it may never have been asked for, without waiting for
    ///   them.
    func reconcile(_ uuid: String, named name: String, asking: Bool) async throws {
        try await access.exclusively(on: uuid) {
            let changes = try await ledger.deviceChanges(ofDomain: uuid)
            guard !changes.isEmpty else { return }
            guard let picture = try await sameDomain(name, uuid) else {
                try await ledger.end(changesOf: changes.map(\.device), in: uuid)
                return
            }
            let left = picture.reconciliation
            guard left != DomainPicture.Reconciliation() else { return }
            try await ledger.end(changesOf: left.ended, in: uuid)
            try await devices.endUse(ofUnpluggedFrom: name)
            try await writeConfig(left, of: picture)
            for device in left.plugAgain { try await devices.plugAgain(device, of: picture) }
            try await ledger.end(changesOf: left.plugAgain, in: uuid)
            try await ledger.begin(picture.changes(of: left.evicted, .evicted))
            if asking, picture.state == .running {
                for device in left.ask { try await devices.ask(for: DeviceSpec.aliasPrefix + device, name) }
            }
        }
    }

    /// The domain as it is; nil when there is none of this name, or another one.
    private func sameDomain(_ name: String, _ uuid: String) async throws -> DomainPicture? {
        do {
            let picture = try await pictures.picture(of: name)
            return picture.uuid == uuid ? picture : nil
        } catch LibvirtError.noSuchDomain {
            return nil
        }
    }

    /// Makes the persistent XML follow the running guest.
    private func writeConfig(_ left: DomainPicture.Reconciliation, of picture: DomainPicture) async throws {
        if !left.toConfig.isEmpty, let config = picture.config {
            let missing = try picture.devices(left.toConfig)
            let edited = try claims.adding(missing, to: config, try config.request, isRunning: picture.live != nil)
            if edited != config { _ = try await access.libvirt.define(edited.text) }
        }
        try await access.takeOut(left.fromConfig, of: picture.name)
        let done = left.toConfig + left.fromConfig
        try await ledger.end(changesOf: done, in: picture.uuid)
        if done.isEmpty { return }
        logger.notice(
            "the persistent XML follows the running guest",
            metadata: ["domain": "\(picture.name)", "devices": "\(done.joined(separator: ", "))"])
        try await ledger.record(
            .repaired, subject: picture.name,
            detail: "its persistent XML follows its running guest: \(done.joined(separator: ", "))")
    }
}
