// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel
import Libvirt

extension GuestDevices {
    /// How the guest answered.
    struct Unplugging: Sendable {
        var gone: [String] = []
        var refused: [String] = []
        /// May still be released later.
        var silent: [String] = []
        /// Why libvirt did not ask.
        var failure: (any Error)?

        var kept: [String] { refused + silent }
        /// The answer that is reported for all those that the guest keeps.
        var answer: DomainObstacle.Answer { silent.isEmpty ? .no : .nothing }
    }

    /// Asks the running guest for all of them at once, and waits for the answer to each.
    func unplug(_ devices: [String], from picture: DomainPicture, within limit: Duration) async throws -> Unplugging {
        let answers = await withTaskGroup(
            of: (String, Result<DomainFeed.DeviceAnswer, any Error>).self
        ) { group in
            for device in devices {
                group.addTask {
                    do {
                        let alias = DeviceSpec.aliasPrefix + device
                        let answer = try await access.feed.answer(about: alias, of: picture.uuid, within: limit) {
                            try await ask(for: alias, picture.name)
                        }
                        return (device, .success(answer))
                    } catch {
                        return (device, .failure(error))
                    }
                }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        // libvirt's success means only that the guest was asked, and an event can be missed: the running XML decides.
        let running = try await pictures.runningGuest(picture.name)
        var unplugging = Unplugging()
        for device in devices {
            switch answers[device] {
            case _ where running?.has(device) != true: unplugging.gone.append(device)
            case .failure(let error):
                unplugging.refused.append(device)
                unplugging.failure = unplugging.failure ?? error
            case .success(.removalFailed): unplugging.refused.append(device)
            default: unplugging.silent.append(device)
            }
        }
        return unplugging
    }

    /// A device that the guest was asked for before and has not released yet is waited for like any other.
    func ask(for alias: String, _ name: String) async throws {
        do {
            try await access.libvirt.detach(alias: alias, from: name)
        } catch let error as LibvirtError where error.isUnplugPending || error.isDeviceMissing {
        }
    }
}

extension Domain {
    func has(_ device: String) -> Bool { injected.contains { $0.name == device } }
}
