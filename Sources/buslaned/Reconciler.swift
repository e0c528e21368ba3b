// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger
import Logging
import SystemServices

/// What the Domains room still calls until it is given its parts by themselves.
struct Reconciler: Sendable {
    let parts: Wiring

    var host: any Host { parts.host }
    var ledger: Ledger { parts.ledger }
    var logger: Logger { parts.logger }
    var configuration: ConfigurationInForce { parts.configuration }
    var seenDomains: SeenDomains { parts.guests }

    func claimRequest(
        for device: DomainRequest.Device, in request: DomainRequest?, of domain: Domain, uid: Int?
    ) throws -> ClaimRequest { try parts.requests.claimRequest(for: device, in: request, of: domain, uid: uid) }
    func claims(heldBy owner: Owner) async throws -> [Claim] {
        try await ledger.claims(of: owner).filter(\.state.isHeld)
    }
    func permitted(
        _ verb: String, _ subject: String, to peer: PeerCredentials, _ check: (Caller) throws(Refusal) -> Void
    ) async throws { try check(peer.caller) }
    func audited<Result: Sendable>(
        _ verb: String, subject: String, detail: String, by actor: AuditEntry.Actor,
        _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await parts.audit.audited(verb, subject: subject, detail: detail, by: actor, work)
    }
    func allocate(all requests: [ClaimRequest], by actor: AuditEntry.Actor) async throws -> [Claim] {
        try await parts.allocator.allocate(all: requests, by: actor)
    }
    @discardableResult
    func release(_ id: String, by actor: AuditEntry.Actor) async throws -> ClaimRelease.Outcome {
        try await parts.release.release(id, by: actor)
    }
    func releaseUnused(_ claim: Claim, by actor: AuditEntry.Actor) async throws -> Bool {
        try await parts.release.releaseUnused(claim, by: actor)
    }
    func releaseRequested(of owner: Owner, by actor: AuditEntry.Actor) async throws -> [String] {
        try await parts.release.releaseRequested(of: owner, by: actor)
    }
    func releaseWhenClosed(_ claim: Claim, within limit: Duration, by actor: AuditEntry.Actor) async throws {
        try await parts.release.releaseWhenClosed(claim, within: limit, by: actor)
    }
    func foreseen(_ requests: [ClaimRequest]) async throws -> [[Function]]? {
        try await parts.candidates.foreseen(requests)
    }
    func settings(of device: String, in claim: Claim, for request: ClaimRequest) throws -> VFSettings? {
        try parts.candidates.settings(of: device, in: claim, for: request)
    }
    func isInUse(_ claim: Claim) throws -> Bool { try parts.use.isInUse(claim) }
    func suits(_ claim: Claim, _ request: ClaimRequest) async throws -> Bool {
        try await parts.candidates.suits(claim, request)
    }
    func repool(_ claim: Claim, as request: ClaimRequest, by actor: AuditEntry.Actor) async throws -> Claim {
        try await parts.exchange.repool(claim, as: request, by: actor)
    }
    func exchange(
        _ replaced: [Claim], for requests: [ClaimRequest], by actor: AuditEntry.Actor
    ) async throws -> (made: [Claim], replaced: [Claim]) {
        try await parts.exchange.exchange(replaced, for: requests, by: actor)
    }
    func giveBack(replaced claims: [Claim], by actor: AuditEntry.Actor) async throws {
        try await parts.exchange.finish(claims, by: actor)
    }
    func takeBack(_ replaced: [Claim], giving made: [Claim], by actor: AuditEntry.Actor) async {
        await parts.exchange.undo(replaced, releasing: made, by: actor)
    }
    func change(_ settings: VFSettings, of device: String, in claim: Claim) async throws -> Claim {
        try await parts.exchange.change(settings, of: device, in: claim)
    }
    func settleStop(of domain: Domain) async throws -> Bool { try await parts.stopHook.endUnreportedUse(of: domain) }
    @discardableResult
    func adopt(devicesOf domain: Domain) async throws -> Claim? { try await parts.lostOwners.adopt(devicesOf: domain) }
    @discardableResult
    func takeIntoUse(_ claims: [Claim], besides running: [Claim] = []) async throws -> [Claim] {
        try await parts.use.begin(claims, besides: running)
    }
    @discardableResult
    func endUse(of claim: Claim) async throws -> Claim? { try await parts.use.end(of: claim) }
    func ready(_ claim: Claim, purpose: Recovery.Purpose) async throws {
        try await parts.readiness.ready(claim, purpose: purpose)
    }
}

/// Not read any more: ``AuditRecorder`` knows what repeats.
enum Retry {
    @TaskLocal static var known: String?
}
