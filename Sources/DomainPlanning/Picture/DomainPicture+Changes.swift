// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

extension DomainPicture {
    // MARK: - Attaching

    /// What an attach does.
    package struct Attachment: Sendable {
        package let scope: DomainScope
        /// To be plugged into the running guest.
        package var live: [DeviceSpec] = []
        /// The persistent domain as it will be; nil when it is right.
        package var config: Domain?
        /// Devices that are to be in both states, and are not yet in either.
        package var pairs: [String] = []
    }

    /// The devices that the domain is to have: what it holds, and what its request names.
    package var wanted: [String] {
        get throws(DomainXMLError) {
            let held = held.map(\.name)
            return held + (try main?.request?.devices ?? []).map(\.name).filter { !held.contains($0) }
        }
    }

    /// What the domain holds under these names, as devices of its XML.
    ///
    /// - Throws: a `Refusal` when it does not hold all of them.
    package func devices(_ names: [String]) throws -> [DeviceSpec] {
        guard let main else { return [] }
        let assignments = held.filter { names.contains($0.name) }
        guard assignments.count == names.count else { throw Refusal.domain(name, .nothingToAttach) }
        return try main.devices(for: assignments, try main.request)
    }

    /// - Throws: the reason why these cannot be plugged into the running guest, known before they are claimed.
    package func refuseAttaching(_ devices: [String], _ scope: DomainScope) throws(Refusal) {
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

    /// - Parameters:
    ///   - devices: each function, as it is to be in the XML.
    ///   - adding: the persistent domain with them.
    package func attaching(
        _ devices: [DeviceSpec], _ scope: DomainScope, adding: ([DeviceSpec], Domain) throws -> Domain
    ) throws -> Attachment {
        try refuseAttaching(devices.map(\.name), scope)
        var attachment = Attachment(scope: scope)
        if scope.isLive { attachment.live = devices.filter { running($0.name) == nil } }
        if scope.isConfig, let config {
            let edited = try adding(devices, config)
            attachment.config = edited == config ? nil : edited
        }
        if attachment.config != nil { attachment.pairs = attachment.live.map(\.name) }
        return attachment
    }

    // MARK: - Detaching

    /// What a detach does.
    package struct Detachment: Sendable {
        package let scope: DomainScope
        /// To be asked of the running guest.
        package var live: [String] = []
        /// To be taken out of the persistent XML.
        package var config: [String] = []

        package var pairs: [String] { live.filter(config.contains) }
    }

    package func detaching(_ devices: [String], _ scope: DomainScope) throws(Refusal) -> Detachment {
        let detachment = Detachment(
            scope: scope, live: scope.isLive ? devices.filter { running($0) != nil } : [],
            config: scope.isConfig ? devices.filter { persistent($0) != nil } : [])
        try refuseUnplugging(detachment.live)
        return detachment
    }

    /// - Throws: the reason why the running guest cannot give up one of these.
    package func refuseUnplugging(_ devices: [String]) throws(Refusal) {
        let sharing = devices.filter { running($0)?.sharesSlot == true }
        if !sharing.isEmpty { throw .domain(name, .shareSlot(sharing)) }
        if !devices.isEmpty, state == .paused { throw .domain(name, .paused) }
    }
}
