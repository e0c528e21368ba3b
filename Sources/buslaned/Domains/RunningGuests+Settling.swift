// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger
import Libvirt

extension RunningGuests {
    /// Finishes or undoes what somebody began in a domain and did not end.
    ///
    /// - Parameter asking: guests that may never have been asked for a device are asked again, and not waited for.
    func settle(_ uuid: String, named name: String, asking: Bool) async throws {
        try await domains.lanes.run(on: .domain(uuid)) {
            let changes = try await ledger.deviceChanges(ofDomain: uuid)
            guard !changes.isEmpty else { return }
            guard let picture = try await known(name, uuid) else {
                try await ledger.end(changesOf: changes.map(\.device), in: uuid)
                return
            }
            let settlement = picture.settlement
            guard settlement != DomainPicture.Settlement() else { return }
            try await ledger.end(changesOf: settlement.settled, in: uuid)
            try await settleUse(of: name)
            try await writeDown(settlement, of: picture)
            for device in settlement.plugAgain { try await plugAgain(device, of: picture) }
            try await ledger.end(changesOf: settlement.plugAgain, in: uuid)
            try await ledger.begin(picture.changes(of: settlement.evicted, .evicted))
            if asking, picture.state == .running {
                for device in settlement.ask { try await ask(for: DeviceSpec.aliasPrefix + device, name) }
            }
        }
    }

    /// The domain as it is; nil when it is another one by now, or none.
    private func known(_ name: String, _ uuid: String) async throws -> DomainPicture? {
        do {
            let picture = try await picture(of: name)
            return picture.uuid == uuid ? picture : nil
        } catch LibvirtError.noSuchDomain {
            return nil
        }
    }

    /// The persistent XML follows the running guest.
    private func writeDown(_ settlement: DomainPicture.Settlement, of picture: DomainPicture) async throws {
        if !settlement.toConfig.isEmpty, let config = picture.config {
            let devices = try picture.devices(settlement.toConfig)
            let edited = try domains.adding(devices, to: config, try config.request)
            if edited != config.text { _ = try await libvirt.define(edited) }
        }
        try await takeOut(settlement.fromConfig, of: picture.name)
        let done = settlement.toConfig + settlement.fromConfig
        try await ledger.end(changesOf: done, in: picture.uuid)
        if !done.isEmpty {
            reconciler.logger.notice(
                "the persistent XML follows the running guest",
                metadata: ["domain": "\(picture.name)", "devices": "\(done.joined(separator: ", "))"])
            try await ledger.record(
                .repaired, subject: picture.name,
                detail: "its persistent XML follows its running guest: \(done.joined(separator: ", "))")
        }
    }
}
