// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

/// A domain at one moment: its two states as libvirt has them, and what it holds.
package struct DomainPicture: Sendable {
    package let name: String
    /// In lower case.
    package let uuid: String
    package let state: DomainRunState
    /// The running guest's XML; nil when none runs.
    package let live: Domain?
    /// The persistent XML; nil for a transient domain.
    package let config: Domain?
    /// Those that the domain holds.
    package let claims: [Claim]
    /// Device changes that were begun and not ended.
    package var changes: [DeviceChange]

    package init(
        name: String, uuid: String, state: DomainRunState, live: Domain?, config: Domain?, claims: [Claim],
        changes: [DeviceChange] = []
    ) {
        self.name = name
        self.uuid = uuid
        self.state = state
        self.live = live
        self.config = config
        self.claims = claims
        self.changes = changes
    }

    /// The document that has the domain's request.
    package var main: Domain? { config ?? live }

    package var held: [Assignment] { claims.flatMap(\.assignments) }

    /// Every device of Buslane's, by name, in the order of the documents and of the claims.
    package var deviceNames: [String] {
        var seen: Set<String> = []
        let all = (config?.injected ?? []).map(\.name) + (live?.injected ?? []).map(\.name) + held.map(\.name)
        return all.filter { seen.insert($0).inserted }
    }

    package func running(_ name: String) -> InjectedDevice? { live?.injected.first { $0.name == name } }

    package func persistent(_ name: String) -> InjectedDevice? { config?.injected.first { $0.name == name } }

    package func claim(of device: String) -> Claim? {
        claims.first { claim in claim.assignments.contains { $0.name == device } }
    }

    /// Claims in use whose devices are all gone from the running guest.
    package var claimsOutOfUse: [Claim] {
        claims.filter { claim in claim.state == .inUse && !claim.assignments.contains { running($0.name) != nil } }
    }

    package func changes(of devices: [String], _ kind: DeviceChange.Kind) -> [DeviceChange] {
        devices.map { DeviceChange(domain: uuid, domainName: name, device: $0, kind: kind) }
    }

    /// The scope of a change: as asked, or every state that the domain has.
    package func scope(_ asked: DomainScope?) throws(Refusal) -> DomainScope {
        let all: DomainScope = live == nil ? .config : config == nil ? .live : .both
        guard let asked else { return all }
        if asked.isLive, live == nil { throw .domain(name, .notRunning) }
        if asked.isConfig, config == nil { throw .domain(name, .transient) }
        return asked
    }

    /// The devices of a change: those asked for, with their companions, or all.
    ///
    /// - Parameter known: those that can be asked for.
    package func chosen(_ asked: [String]?, among known: [String]) throws(Refusal) -> [String] {
        guard let asked, !asked.isEmpty else { return known }
        if let unknown = asked.first(where: { !known.contains($0) }) {
            throw .domain(name, .noSuchDevice(unknown, known: known))
        }
        return known.filter { device in
            asked.contains(device)
                || held.contains { $0.name == device && $0.companionOf.map(asked.contains) == true }
        }
    }
}
