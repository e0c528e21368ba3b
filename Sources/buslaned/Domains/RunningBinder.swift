// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel
import Ledger
import Libvirt

/// Makes a running guest what its domain's request asks for, where the devices are for one run.
struct RunningBinder: Sendable {
    let pictures: PictureReader
    let devices: GuestDevices
    let audit: AuditRecorder

    /// Plugs what a domain holds for its request into the guest that was started without it.
    ///
    /// - Returns: what was done, a line each.
    /// - Throws: ``DomainTrouble`` when nothing is claimed for some of them.
    func bind(
        _ request: DomainRequest, _ state: DomainHandleValue, by actor: AuditEntry.Actor
    ) async throws -> [String] {
        let picture = try await pictures.picture(of: state.name)
        guard let running = picture.live else { return [] }
        // Devices that another operation plugs in or out, or has evicted, are that operation's.
        let present = Set(running.injected.map(\.name) + picture.changes.map(\.device))
        let missing = request.devices.map(\.name).filter { !present.contains($0) }
        guard !missing.isEmpty else { return [] }
        let unclaimed = missing.filter { name in !picture.claims.contains { $0.has(device: name) } }
        guard unclaimed.isEmpty else { throw DomainTrouble.notClaimed(unclaimed, of: state.name) }
        for device in request.devices where missing.contains(device.name) {
            try picture.claims.first { $0.has(device: device.name) }?.mustServe(device, in: request, of: state.name)
        }
        let specs = try running.devices(for: picture.claims.flatMap { $0.assignments(for: missing) }, request)
        let detail = specs.map { "\($0.name) (\($0.address))" }.joined(separator: ", ")
        return try await audit.audited("domain plug in", subject: state.name, detail: detail, by: actor) {
            try await devices.plug(specs, using: picture)
            return specs.map { "plugged in \($0.name) (\($0.address))" }
        }
    }
}
