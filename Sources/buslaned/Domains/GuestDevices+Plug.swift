// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel

extension GuestDevices {
    /// Takes the devices' claims into use and plugs the devices in: all of them or none.
    func plug(_ devices: [DeviceSpec], using picture: DomainPicture) async throws {
        let names = Set(devices.map(\.name))
        let concerned = picture.claims.filter { $0.assignments.contains { names.contains($0.name) } }
        try await use.begin(concerned, besides: concerned.filter { $0.state == .inUse })
        do {
            try await plug(devices, into: picture)
        } catch {
            try await endUse(ofUnpluggedFrom: picture.name)
            throw error
        }
    }

    /// Plugs in again what the domain still holds under this name.
    ///
    /// - Throws: when the domain no longer holds anything under the device's name.
    func plugAgain(_ device: String, of picture: DomainPicture) async throws {
        let now = try await pictures.picture(of: picture.name)
        try await plug(try now.devices([device]), using: now)
    }

    /// - Throws: what failed, after what was plugged in before is unplugged; `DomainObstacle.notUndone` where the guest
    ///   keeps some of it.
    private func plug(_ devices: [DeviceSpec], into picture: DomainPicture) async throws {
        var begun: [String] = []
        var guest = picture.live
        do {
            for device in devices {
                guard let xml = guest?.plugging(device) else {
                    throw Refusal.domain(picture.name, .notPlugged(device.name))
                }
                begun.append(device.name)
                _ = try await access.feed.answer(about: device.alias, of: picture.uuid, within: patience) {
                    try await access.libvirt.attach(xml, to: picture.name)
                }
                // The event can be missed; the running XML decides.
                guest = try await pictures.runningGuest(picture.name)
                guard guest?.has(device.name) == true else {
                    throw Refusal.domain(picture.name, .notPlugged(device.name))
                }
            }
        } catch {
            try await undoPlug(of: begun, from: picture, because: error)
            throw error
        }
    }

    /// Unplugs what was plugged in before something failed.
    ///
    /// - Throws: when the guest still has some of it: what failed, and what could not be undone. A device that the guest
    ///   may release later is recorded.
    private func undoPlug(of devices: [String], from picture: DomainPicture, because error: any Error) async throws {
        var kept = devices
        var leaving = devices
        let obstacle: String
        do {
            let unplugging = try await unplug(devices, from: picture, within: patience)
            (kept, leaving) = (unplugging.kept, unplugging.silent)
            obstacle = unplugging.failure.map { "\($0)" } ?? unplugging.answer.reason
        } catch {
            obstacle = "\(error)"
        }
        guard !kept.isEmpty else { return }
        // A device that the persistent XML had before stays there.
        try await ledger.begin(
            picture.changes(of: leaving.filter { picture.persistent($0) == nil }, .detaching))
        throw Refusal.domain(picture.name, .notUndone(kept, reason: "\(error)", because: obstacle))
    }
}
