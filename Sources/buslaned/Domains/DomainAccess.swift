// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import Libvirt

/// The way to libvirt's domains: its calls, its events, and one operation at a time on a domain.
///
/// Nothing that answers a hook may use it: libvirt holds the domain's lock while the hook runs.
struct DomainAccess: Sendable {
    let libvirt: any DomainControl
    let feed: DomainFeed
    let lanes: Lanes

    /// Runs while no other operation changes the domain.
    func exclusively<Result: Sendable>(
        on uuid: String, _ work: @Sendable () async throws -> Result
    ) async throws -> Result {
        try await lanes.run(on: .domain(uuid), work)
    }

    /// The same for a domain by its name.
    func exclusively<Result: Sendable>(
        onDomain name: String, _ work: @Sendable () async throws -> Result
    ) async throws -> Result {
        try await exclusively(on: try await libvirt.domain(named: name).uuid, work)
    }

    func persistentDomain(_ name: String) async throws -> Domain {
        try Domain(parsing: try await libvirt.inactiveXML(of: name))
    }

    /// Takes devices out of the persistent XML as it is now.
    func takeOut(_ devices: [String], of name: String) async throws {
        if devices.isEmpty { return }
        let domain = try await persistentDomain(name)
        let edited = try domain.removing(names: Set(devices))
        if edited != domain { _ = try await libvirt.define(edited.text) }
    }

    func runningDomain(_ name: String) async throws -> Domain {
        try Domain(parsing: try await libvirt.liveXML(of: name))
    }
}
