// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import DomainXML
import HostModel
import Ledger
import Libvirt

/// Domains that claim at each start, and give back at each stop: `binding="running"`.
extension DomainService {
    /// Starts a domain with what its request asks for.
    ///
    /// One that claims at each start is started from an XML with the devices in it; the persistent one stays as it is.
    func start(_ name: String, by peer: PeerCredentials) async throws -> DomainDocument {
        let state = try await libvirt.domain(named: name)
        guard !state.isActive else { throw Refusal.domainRunning(name) }
        let domain = try Domain(parsing: try await libvirt.inactiveXML(of: name))
        guard try domain.request?.binding == .running else {
            try await sync(uuid: state.uuid, by: peer.actor)
            try await libvirt.start(name)
            return DomainDocument(try Domain(parsing: try await libvirt.inactiveXML(of: name)))
        }
        return try await lanes.run(on: .domain(state.uuid)) {
            try await reconciler.audited("domain start", subject: name, detail: "", by: peer.actor) {
                let (held, made) = try await claims(for: domain, by: peer)
                do {
                    let request = try domain.request
                    let devices = try domain.devices(for: (held + made).flatMap(\.assignments), request)
                    let edited = try adding(devices, to: domain, request)
                    try await libvirt.start(xml: edited)
                    return DomainDocument(try Domain(parsing: edited))
                } catch let error as LibvirtError where error.leavesOpen {
                    // It may have started all the same. If it has not, what is claimed is given back at the next look.
                    throw error
                } catch {
                    for claim in made { _ = try? await reconciler.release(claim.id, by: peer.actor) }
                    throw error
                }
            }
        }
    }

    /// Plugs what a domain holds for its request into the guest that was started without it.
    func plugIn(
        _ request: DomainRequest, _ state: DomainHandleValue, by actor: AuditEntry.Actor
    ) async throws -> [String] {
        let live = RunningGuests(libvirt: libvirt, domains: self, feed: feed, reconciler: reconciler)
        let picture = try await live.picture(of: state.name)
        guard let running = picture.live else { return [] }
        // What is on its way into the guest or out of it, or evicted from it, is somebody else's to finish.
        let present = Set(running.injected.map(\.name) + picture.changes.map(\.device))
        let missing = request.devices.map(\.name).filter { !present.contains($0) }
        guard !missing.isEmpty else { return [] }
        let unclaimed = missing.filter { name in !picture.claims.contains { $0.has(device: name) } }
        guard unclaimed.isEmpty else { throw DomainTrouble.notClaimed(unclaimed, of: state.name) }
        let devices = try running.devices(for: picture.claims.flatMap { $0.assignments(for: missing) }, request)
        let detail = devices.map { "\($0.name) (\($0.address))" }.joined(separator: ", ")
        return try await reconciler.audited("domain plug in", subject: state.name, detail: detail, by: actor) {
            try await live.plug(devices, readying: picture)
            return devices.map { "plugged in \($0.name) (\($0.address))" }
        }
    }

    /// A guest that is started by others gets its devices while it runs: said before anybody starts it.
    func foreseePorts(of domain: Domain, for request: DomainRequest) throws {
        let wanted = request.devices.count
        guard let free = domain.freeHotplugPorts, free < wanted else { return }
        throw DomainTrouble.noPort(of: domain.name, wanted: wanted, free: free)
    }
}

extension LibvirtError {
    /// Whether what was asked may have been done all the same.
    fileprivate var leavesOpen: Bool {
        switch self {
        case .connectionLost, .noAnswer: true
        case .noSuchDomain, .unreachable, .refused: false
        }
    }
}

extension DomainDocument {
    /// A domain with the devices of Buslane's that its XML has.
    init(_ domain: Domain) {
        self.init(
            domain, devices: domain.injected.map { .init(name: $0.name, address: $0.address) }, xml: domain.text)
    }
}
