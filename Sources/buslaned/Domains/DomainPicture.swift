// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger
import Libvirt

/// A domain at one moment: its two states as libvirt has them, and what it holds. What is to be done is decided here.
struct DomainPicture: Sendable {
    let name: String
    /// In lower case.
    let uuid: String
    let state: DomainRunState
    /// The running guest's; nil when none runs.
    let live: Domain?
    /// The persistent one; nil for a transient domain.
    let config: Domain?
    /// Those that it holds.
    let claims: [Claim]
    /// What is on its way.
    var changes: [DeviceChange] = []

    /// The document of which the domain's request is read.
    var main: Domain? { config ?? live }

    var held: [Assignment] { claims.flatMap(\.assignments) }

    /// Every device of Buslane's, by name, in the order of the documents and of the claims.
    var deviceNames: [String] {
        var seen: Set<String> = []
        let all = (config?.injected ?? []).map(\.name) + (live?.injected ?? []).map(\.name) + held.map(\.name)
        return all.filter { seen.insert($0).inserted }
    }

    func running(_ name: String) -> InjectedDevice? { live?.injected.first { $0.name == name } }

    func persistent(_ name: String) -> InjectedDevice? { config?.injected.first { $0.name == name } }

    func claim(of device: String) -> Claim? {
        claims.first { claim in claim.assignments.contains { $0.name == device } }
    }

    // MARK: - What may be done

    /// What is changed: as asked, or everything that the domain has.
    func scope(_ asked: DomainScope?) throws(Refusal) -> DomainScope {
        let all: DomainScope = live == nil ? .config : config == nil ? .live : .both
        guard let asked else { return all }
        if asked.isLive, live == nil { throw .domain(name, .notRunning) }
        if asked.isConfig, config == nil { throw .domain(name, .transient) }
        return asked
    }

    /// The devices that are meant.
    ///
    /// - Parameter known: those that there are to choose from.
    func chosen(_ asked: [String]?, among known: [String]) throws(Refusal) -> [String] {
        guard let asked, !asked.isEmpty else { return known }
        if let unknown = asked.first(where: { !known.contains($0) }) {
            throw .domain(name, .noSuchDevice(unknown, known: known))
        }
        return known.filter { device in
            // A function's companions come and go with it.
            asked.contains(device)
                || held.contains { $0.name == device && $0.companionOf.map(asked.contains) == true }
        }
    }

    /// - Throws: what speaks against plugging these into the running guest, whatever they will be.
    func refuseAttaching(_ devices: [String], _ scope: DomainScope) throws(Refusal) {
        guard scope.isLive, let live else { return }
        var wanted = 0
        for device in devices {
            guard let running = running(device) else {
                wanted += 1
                continue
            }
            if !held.contains(where: { $0.name == device && $0.address == running.address }) {
                throw .domain(name, .deviceDiffers(device, running: running.address))
            }
        }
        if let free = live.freeHotplugPorts, free < wanted {
            throw .domain(name, .noPort(wanted: wanted, free: free))
        }
    }

    /// What an attach does.
    struct Attachment: Sendable {
        let scope: DomainScope
        /// To be plugged into the running guest.
        var live: [DeviceSpec] = []
        /// The persistent XML as it will be; nil when it is right.
        var config: String?
        /// Devices that are to be in both, and are not yet in either.
        var pairs: [String] = []
    }

    /// - Parameters:
    ///   - devices: each function that is meant, as it is to be in the XML.
    ///   - adding: gives the persistent XML with them.
    func attaching(
        _ devices: [DeviceSpec], _ scope: DomainScope, adding: ([DeviceSpec], Domain) throws -> String
    ) throws -> Attachment {
        try refuseAttaching(devices.map(\.name), scope)
        var attachment = Attachment(scope: scope)
        if scope.isLive { attachment.live = devices.filter { running($0.name) == nil } }
        if scope.isConfig, let config {
            let edited = try adding(devices, config)
            attachment.config = edited == config.text ? nil : edited
        }
        if attachment.config != nil { attachment.pairs = attachment.live.map(\.name) }
        return attachment
    }

    /// What a detach does.
    struct Detachment: Sendable {
        let scope: DomainScope
        /// To be asked of the running guest.
        var live: [String] = []
        /// To be taken out of the persistent XML.
        var config: [String] = []

        var pairs: [String] { live.filter(config.contains) }
    }

    func detaching(_ devices: [String], _ scope: DomainScope) throws(Refusal) -> Detachment {
        let detachment = Detachment(
            scope: scope, live: scope.isLive ? devices.filter { running($0) != nil } : [],
            config: scope.isConfig ? devices.filter { persistent($0) != nil } : [])
        try refuseUnplugging(detachment.live)
        return detachment
    }

    /// - Throws: what speaks against asking the running guest for any of these.
    func refuseUnplugging(_ devices: [String]) throws(Refusal) {
        let sharing = devices.filter { running($0)?.sharesSlot == true }
        if !sharing.isEmpty { throw .domain(name, .shareSlot(sharing)) }
        if !devices.isEmpty, state == .paused { throw .domain(name, .paused) }
    }

    func changes(of devices: [String], _ kind: DeviceChange.Kind) -> [DeviceChange] {
        devices.map { DeviceChange(domain: uuid, domainName: name, device: $0, kind: kind) }
    }

    /// Claims in use of which no device is in the running guest any more.
    var claimsOutOfUse: [Claim] {
        claims.filter { claim in claim.state == .inUse && !claim.assignments.contains { running($0.name) != nil } }
    }
}
