// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger
import Libvirt

/// Changes of a domain's devices while its guest may run.
///
/// libvirt can change the running and the persistent state in one call, but not as one: it may fail at the second with
/// the first done. So each is a call of its own, the running guest's first, since that can be refused; what is to be in
/// both is written into the ledger before (``DeviceChange``), and finished or undone by whoever comes after a crash.
struct RunningGuests: Sendable {
    let libvirt: any DomainControl
    let domains: DomainService
    let feed: DomainFeed
    let reconciler: Reconciler
    /// For libvirt to plug in, and for the guest to give up what is taken back again.
    var patience = Duration.seconds(20)

    var ledger: Ledger { reconciler.ledger }

    /// What a caller asks for.
    struct Order: Sendable {
        /// nil: everything that the domain has.
        var scope: DomainScope?
        /// By name; nil or none: all.
        var devices: [String]?
        /// For the guest's answer.
        var wait = Duration.seconds(30)
    }

    func picture(of name: String) async throws -> DomainPicture {
        let domain = try await libvirt.domain(named: name)
        let owner = Owner.domain(uuid: domain.uuid)
        return DomainPicture(
            name: domain.name, uuid: domain.uuid,
            state: domain.isActive ? try await libvirt.runState(of: name) : .off,
            live: domain.isActive ? try Domain(parsing: try await libvirt.liveXML(of: name)) : nil,
            config: domain.isPersistent ? try Domain(parsing: try await libvirt.inactiveXML(of: name)) : nil,
            claims: try await ledger.claims(of: owner).filter(\.state.isHeld),
            changes: try await ledger.deviceChanges(ofDomain: domain.uuid))
    }

    /// Runs while nothing else changes the domain.
    func alone<Result: Sendable>(
        with name: String, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let uuid = try await libvirt.domain(named: name).uuid
        return try await domains.lanes.run(on: .domain(uuid), work)
    }

    // MARK: - The running guest

    /// Plugs devices into the running guest: all of them, or none as far as the guest gives them back.
    func plug(_ devices: [DeviceSpec], into picture: DomainPicture) async throws {
        var begun: [String] = []
        var guest = picture.live
        do {
            for device in devices {
                guard let xml = guest?.plugging(device) else {
                    throw Refusal.domain(picture.name, .notPlugged(device.name))
                }
                begun.append(device.name)
                _ = try await feed.answer(about: device.alias, of: picture.uuid, within: patience) {
                    try await libvirt.attach(xml, to: picture.name)
                }
                // The event may have been missed; the running XML is what counts.
                guest = try await running(picture.name)
                guard guest?.has(device.name) == true else {
                    throw Refusal.domain(picture.name, .notPlugged(device.name))
                }
            }
        } catch {
            try await takeBack(begun, from: picture, because: error)
            throw error
        }
    }

    /// Takes out again what was plugged in before something failed.
    ///
    /// - Throws: when the guest still has some of it: what failed, and what could not be undone. Should it give that up
    ///   later, that is taken note of.
    private func takeBack(_ devices: [String], from picture: DomainPicture, because error: any Error) async throws {
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
        // What its persistent XML had before stays there.
        try await ledger.begin(
            picture.changes(of: leaving.filter { picture.persistent($0) == nil }, .detaching))
        let reason = ErrorMapping.answer(to: error).1.error.message
        throw Refusal.domain(picture.name, .notUndone(kept, reason: reason, because: obstacle))
    }

    /// How the guest answered.
    struct Unplugging: Sendable {
        var gone: [String] = []
        var refused: [String] = []
        var silent: [String] = []
        /// Why libvirt did not even ask.
        var failure: (any Error)?

        var kept: [String] { refused + silent }
        /// What is told of those that it keeps.
        var answer: DomainObstacle.Answer { silent.isEmpty ? .no : .nothing }
    }

    /// Asks the running guest for all of them at once, and waits for each to answer.
    func unplug(_ devices: [String], from picture: DomainPicture, within limit: Duration) async throws -> Unplugging {
        let answers = await withTaskGroup(
            of: (String, Result<DomainFeed.DeviceAnswer, any Error>).self
        ) { group in
            for device in devices {
                group.addTask {
                    do {
                        let alias = DeviceSpec.aliasPrefix + device
                        let answer = try await feed.answer(about: alias, of: picture.uuid, within: limit) {
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
        // That libvirt took the request says nothing, and an event can be missed: the running XML is what counts.
        let running = try await running(picture.name)
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

    /// One that was asked before and has not answered is not asked anew, but waited for all the same.
    func ask(for alias: String, _ name: String) async throws {
        do {
            try await libvirt.detach(alias: alias, from: name)
        } catch let error as LibvirtError where error.isUnplugPending || error.isDeviceMissing {
        }
    }

    /// The guest as it runs; nil when it has stopped.
    private func running(_ name: String) async throws -> Domain? {
        do {
            guard try await libvirt.domain(named: name).isActive else { return nil }
            return try Domain(parsing: try await libvirt.liveXML(of: name))
        } catch LibvirtError.noSuchDomain {
            return nil
        }
    }

    // MARK: - Claims

    /// Claims of which the running guest has nothing any more are no longer in use, and readied for the next time.
    func settleUse(of name: String) async throws {
        for claim in try await picture(of: name).claimsOutOfUse {
            guard let unused = try await reconciler.endUse(of: claim) else { continue }
            do {
                // libvirt sets an interface's MAC address and VLAN back to what it found.
                try await reconciler.ready(unused, purpose: .prepare)
            } catch {
                reconciler.logger.warning(
                    "given up by its guest, and not ready", metadata: ["claim": "\(claim.id)", "error": "\(error)"])
            }
        }
    }
}

extension Domain {
    fileprivate func has(_ device: String) -> Bool { injected.contains { $0.name == device } }
}
