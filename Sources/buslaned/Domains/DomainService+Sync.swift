// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Ledger
import Libvirt

extension DomainService {
    /// ``sync(uuid:by:)`` of the domain of this name.
    func sync(_ name: String, by peer: PeerCredentials) async throws -> [String] {
        try await sync(uuid: try await libvirt.domain(named: name).uuid, by: peer.actor)
    }

    /// Makes a domain what its request asks for: claims, then devices in its persistent XML, or in the running guest of
    /// one that claims at each start. What nobody asks for any more is given back.
    ///
    /// Does nothing where nothing is to be done, so that its own changes, which libvirt tells of as well, end with it.
    ///
    /// - Returns: what was done, a line each.
    /// - Throws: what stands in the way, which is told as the domain's trouble; the XML is then as it was.
    @discardableResult
    func sync(uuid: String, by actor: AuditEntry.Actor = .daemon) async throws -> [String] {
        try await lanes.run(on: .domain(uuid)) {
            var name = uuid
            do {
                let state = try await libvirt.domain(uuid: uuid)
                name = state.name
                // Tried by itself, what stands in the way as before is written down no second time.
                let known = actor == .daemon ? troubles[uuid]?.trouble.message : nil
                let done = try await Retry.$known.withValue(known) { try await settle(state, by: actor) }
                await tell(nil, of: uuid, name: name)
                return done
            } catch LibvirtError.noSuchDomain {
                reconciler.seenDomains.forget(uuid)
                await tell(nil, of: uuid, name: name)
                return try await reconciler.releaseRequested(of: .domain(uuid: uuid), by: actor)
            } catch let error where passes(error) {
                throw error
            } catch {
                await tell(DomainTrouble(error), of: uuid, name: name)
                throw error
            }
        }
    }

    private func settle(_ state: DomainHandleValue, by actor: AuditEntry.Actor) async throws -> [String] {
        let xml = try await state.isPersistent ? libvirt.inactiveXML(of: state.name) : libvirt.liveXML(of: state.name)
        let domain = try Domain(parsing: xml)
        let foreign = domain.foreign.map(\.address)
        reconciler.seenDomains.set(foreign, of: domain.name, uuid: state.uuid, isRunning: state.isActive)
        guard state.isPersistent else { return [] }
        var claims = try await reconciler.claims(heldBy: .domain(uuid: state.uuid))
        let request = try domain.request
        if request == nil, claims.isEmpty, domain.recorded.isEmpty { return [] }
        // A start that is under way has the domain as it is; another look follows.
        if !state.isActive, try await reconciler.settleStop(of: domain), let claim = claims.first {
            throw Refusal.guestStarting(claim: claim.id, domain: state.name)
        }
        claims = try await reconciler.claims(heldBy: .domain(uuid: state.uuid))
        let forOneRun = request?.binding == .running ? request : nil
        let done = try await bind(domain, forOneRun == nil ? request : nil, claims, state, forOneRun, by: actor)
        guard let forOneRun else { return done }
        if state.isActive { return done + (try await plugIn(forOneRun, state, by: actor)) }
        try foreseePorts(of: domain, for: forOneRun)
        return done
    }

    // MARK: The persistent XML

    /// - Parameter forOneRun: the request of a domain that claims at each start: its devices are in no persistent XML.
    private func bind(
        _ domain: Domain, _ request: DomainRequest?, _ claims: [Claim], _ state: DomainHandleValue,
        _ forOneRun: DomainRequest?, by actor: AuditEntry.Actor
    ) async throws -> [String] {
        let ofOneRun = Set((forOneRun?.devices ?? []).map(\.name))
        let plan = BindingPlan(
            request: request, injected: domain.injected, record: domain.recorded, claims: claims,
            keeping: state.isActive ? ofOneRun : [], ending: state.isActive ? [] : ofOneRun)
        try domain.refuseClashes(with: plan)
        let changes = try await changes(of: plan, domain, request)
        let waiting = changes.waiting
        let missing = try (plan.unclaimed + changes.replacing).map {
            try reconciler.claimRequest(for: $0, in: request, of: domain, uid: nil)
        }
        let going = claims.filter { changes.replaced.contains($0.id) }
        let kept = claims.filter { !changes.replaced.contains($0.id) }
        try await refuseFarAway(missing, besides: kept, of: domain, request)
        let (made, replaced) = try await reconciler.exchange(going, for: missing, by: actor)
        var held = kept + made
        var done: [String] = []
        do {
            for change in changes.kept {
                guard var now = held.first(where: { $0.id == change.claim }) else { continue }
                if change.isMoved { now = try await reconciler.repool(now, as: change.request, by: actor) }
                if let settings = try reconciler.settings(of: change.device, in: now, for: change.request) {
                    now = try await reconciler.change(settings, of: change.device, in: now)
                }
                held = held.map { $0.id == now.id ? now : $0 }
            }
            let record = plan.record(of: domain, held, request, unless: waiting)
            done = try await define(domain, plan, held, made, record, request, by: actor)
        } catch {
            await reconciler.takeBack(replaced, giving: made, by: actor)
            throw error
        }
        try await reconciler.giveBack(replaced: replaced, by: actor)
        done += going.map { "released \($0.id)" }
        for claim in plan.released where try await reconciler.releaseUnused(claim, by: actor) {
            done.append("released \(claim.id)")
        }
        if let device = waiting.min() { throw DomainTrouble.changesAfterStop(device, of: domain.name) }
        if let moved = plan.moved.first {
            let claimed = claims.compactMap { $0.address(of: moved.name) }.first
            throw DomainTrouble.movedByHand(moved, claimed: claimed, of: domain.name)
        }
        return done
    }

    /// What becomes of claims that are to be others.
    private struct Changes {
        /// Those that keep their functions, with what is asked of a device of theirs now.
        var kept: [(claim: String, device: String, request: ClaimRequest, isMoved: Bool)] = []
        /// Those that others take the place of.
        var replaced: Set<String> = []
        /// What the others are for.
        var replacing: [DomainRequest.Device] = []
        /// Devices for which it has to wait until the guest that runs with them has stopped.
        var waiting: Set<String> = []
    }

    private func changes(
        of plan: BindingPlan, _ domain: Domain, _ request: DomainRequest?
    ) async throws -> Changes {
        var changes = Changes()
        for change in plan.changed + plan.replaced {
            let name = change.device.name
            let wanted = try reconciler.claimRequest(for: change.device, in: request, of: domain, uid: nil)
            let isMoved = plan.replaced.contains(change)
            if !isMoved, try reconciler.settings(of: name, in: change.claim, for: wanted) == nil { continue }
            if try reconciler.isInUse(change.claim) {
                changes.waiting.insert(name)
            } else if isMoved, try await !reconciler.suits(change.claim, wanted) {
                changes.replaced.insert(change.claim.id)
            } else {
                changes.kept.append((change.claim.id, name, wanted, isMoved))
            }
        }
        // A claim of several devices goes as a whole.
        changes.kept.removeAll { changes.replaced.contains($0.claim) }
        let going = plan.replaced.map(\.claim).filter { changes.replaced.contains($0.id) }
        changes.replacing = plan.wanted.filter { device in going.contains { $0.has(device: device.name) } }
        return changes
    }

    /// Puts into the persistent XML what is claimed, and the record of it: in one definition, or none where it is all there.
    private func define(
        _ domain: Domain, _ plan: BindingPlan, _ claims: [Claim], _ made: [Claim], _ record: DomainAssignment,
        _ request: DomainRequest?, by actor: AuditEntry.Actor
    ) async throws -> [String] {
        let names = Set(plan.wanted.map(\.name))
        let devices = try domain.devices(for: claims.flatMap { $0.assignments(for: names) }, request)
        let rest = try Domain(parsing: try domain.removing(names: plan.removed))
        let recorded = try Domain(parsing: try adding(devices, to: rest, request)).recording(record)
        guard recorded != domain.text else { return [] }
        let before = Set(domain.injected.map(\.name))
        let done =
            made.map { "claimed \($0.assignments.map(\.address.description).joined(separator: ", ")) as \($0.id)" }
            + devices.filter { !before.contains($0.name) }.map { "added \($0.name) (\($0.address))" }
            + plan.removed.sorted().map { "took out \($0)" }
        let detail = done.isEmpty ? "changed" : done.joined(separator: "; ")
        return try await reconciler.audited("domain sync", subject: domain.name, detail: detail, by: actor) {
            try await libvirt.define(recorded)
            reconciler.logger.notice("domain bound", metadata: ["domain": "\(domain.name)", "done": "\(detail)"])
            return done.isEmpty ? ["changed its devices"] : done
        }
    }

    /// Tells a trouble when it is news: in the log, among the events, and to who asks for the domain.
    func tell(_ trouble: DomainTrouble?, of uuid: String, name: String) async {
        let isNews = troubles.note(trouble, of: uuid, at: reconciler.ledger.timestamp())
        guard isNews, let trouble else { return }
        reconciler.logger.warning(
            "a domain is not as it asks to be", metadata: ["domain": "\(name)", "reason": "\(trouble.message)"])
        try? await reconciler.ledger.record(.refused, subject: name, detail: trouble.message)
    }
}

/// Whether it passes, or is libvirt's own trouble and not a domain's: that one is looked at again.
private func passes(_ error: any Error) -> Bool {
    switch error {
    case LibvirtError.noAnswer, LibvirtError.unreachable, LibvirtError.connectionLost, Refusal.claim(_, .guestStarting):
        true
    default: false
    }
}

extension BindingPlan {
    /// What is to be written down beside what is in the persistent XML.
    ///
    /// - Parameter waiting: devices that are as they were asked for before.
    func record(
        of domain: Domain, _ claims: [Claim], _ request: DomainRequest?, unless waiting: Set<String>
    ) -> DomainAssignment {
        let before = Dictionary(domain.recorded.map { ($0.name, $0) }) { first, _ in first }
        let devices = (request?.devices ?? []).compactMap { device -> DomainAssignment.Device? in
            let (name, old) = (device.name, before[device.name])
            guard !leftOut.contains(name), !waiting.contains(name), wanted.contains(where: { $0.name == name }),
                let claim = claims.first(where: { $0.has(device: name) }),
                let assignment = claim.assignments.first(where: { $0.name == name })
            else { return old }
            return DomainAssignment.Device(
                name: name, address: assignment.address, claim: claim.id,
                // Of the time when it was put in: each start has another.
                generation: old?.claim == claim.id ? old?.generation ?? claim.generation : claim.generation,
                numaNode: assignment.numaNode, asked: request?.asked(of: device) ?? "")
        }
        return DomainAssignment(devices: devices)
    }
}

extension Domain {
    /// Before anything is claimed: nothing else may have the aliases of the devices to come.
    fileprivate func refuseClashes(with plan: BindingPlan) throws {
        // No function is there, so that only the names can clash.
        let nowhere = PCIAddress(domain: .max, bus: .max, device: 31, function: 7)
        for device in plan.unclaimed + plan.replaced.map(\.device) {
            guard let nowhere else { return }
            _ = try adding([DeviceSpec(address: nowhere, kind: .hostdev, name: device.name)])
        }
    }
}
