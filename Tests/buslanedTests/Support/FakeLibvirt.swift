// SPDX-License-Identifier: GPL-3.0-or-later
import DomainXML
import HostModel
import Libvirt
import Synchronization

@testable import buslaned

/// A libvirt in memory with one domain, whose guest answers as the test wants it.
final class FakeLibvirt: DomainControl {
    struct State {
        var config: String?
        var live: String?
        var isPaused = false
        /// How the guest answers an unplug request; nil for no answer.
        var answers: [String: Answer] = [:]
        var definesFail = false
        /// The attach of this device fails.
        var attachFails: String?
        /// The calls so far, in order: `attach data0`, `detach data0`, `define`.
        var calls: [String] = []
        /// The daemon ends after this many moments: a query is one, a change is two, before and after it.
        var momentsLeft: Int?
        var isDaemonDead = false
    }

    /// What every call throws once the daemon has ended.
    struct DaemonEnded: Error {}

    enum Answer { case gives, refuses, silent }

    let state: Mutex<State>
    let feed: DomainFeed
    /// Called at the moment at which the daemon ends.
    let onEnd = Mutex<@Sendable () -> Void>({})

    /// fw1, with these devices, and with root ports for more: libvirt gives what runs its places.
    ///
    /// - Parameter live: whether it runs.
    init(
        having assignments: [Assignment], ports: Int = 4, live: Bool = true, persistent: Bool = true, feed: DomainFeed
    ) throws {
        let spare = (1...ports).map { port in
            """
            <controller type='pci' index='\(port)' model='pcie-root-port'>\
            <address type='pci' domain='0x0000' bus='0x00' slot='0x0\(port)' function='0x0'/></controller>
            """
        }.joined()
        let xml = try Domain.guest(having: assignments).text.replacing("</devices>", with: spare + "</devices>")
        self.feed = feed
        state = Mutex(State(config: persistent ? xml : nil, live: live ? xml : nil))
    }

    func change(_ edit: (inout State) -> Void) { state.withLock { edit(&$0) } }
    var calls: [String] { state.withLock(\.calls) }

    static let failure = LibvirtError.refused(code: 38, domain: 10, message: "cannot write: Read-only file system")

    func names(live: Bool) throws -> [String] {
        let text = state.withLock { live ? $0.live : $0.config }
        return try text.map { try Domain(parsing: $0).injected.map(\.name) } ?? []
    }

    private func moment() throws {
        let ends = try state.withLock { state in
            if state.isDaemonDead { throw DaemonEnded() }
            state.momentsLeft = state.momentsLeft.map { $0 - 1 }
            state.isDaemonDead = state.momentsLeft == 0
            return state.isDaemonDead
        }
        if ends {
            onEnd.withLock(\.self)()
            throw DaemonEnded()
        }
    }

    // MARK: What libvirt does

    func domain(named name: String) async throws -> DomainHandleValue {
        try moment()
        return try state.withLock { state in
            guard state.live != nil || state.config != nil, name == "fw1" else { throw LibvirtError.noSuchDomain(name) }
            return DomainHandleValue(
                name: name, uuid: Domain.uuid, isActive: state.live != nil, isPersistent: state.config != nil)
        }
    }

    func domains() async throws -> [DomainHandleValue] { [try await domain(named: "fw1")] }

    func domain(uuid: String) async throws -> DomainHandleValue {
        guard uuid == Domain.uuid else { throw LibvirtError.noSuchDomain(uuid) }
        return try await domain(named: "fw1")
    }

    func start(_ name: String) async throws { state.withLock { $0.live = $0.config } }

    func start(xml: String) async throws -> DomainHandleValue {
        state.withLock { $0.live = xml }
        return try await domain(named: "fw1")
    }

    func runState(of name: String) async throws -> DomainRunState {
        try moment()
        return state.withLock { $0.live == nil ? .off : $0.isPaused ? .paused : .running }
    }

    func liveXML(of name: String) async throws -> String {
        try moment()
        return state.withLock { $0.live ?? $0.config ?? "" }
    }

    func inactiveXML(of name: String) async throws -> String {
        try moment()
        return state.withLock { $0.config ?? "" }
    }

    func define(_ xml: String) async throws -> DomainHandleValue {
        try moment()
        try state.withLock { state in
            state.calls.append("define")
            if state.definesFail { throw Self.failure }
            state.config = xml
        }
        // Its answer is the moment after it.
        return try await domain(named: "fw1")
    }

    func attach(_ deviceXML: String, to name: String) async throws {
        try moment()
        let alias = try state.withLock { state in
            guard let live = state.live, let end = live.range(of: "</devices>") else { throw Self.failure }
            let edited = live.replacingCharacters(in: end, with: deviceXML + "</devices>")
            let device = try Domain(parsing: edited).injected.last?.name ?? ""
            state.calls.append("attach \(device)")
            if state.attachFails == device { throw Self.failure }
            state.live = edited
            return DeviceSpec.aliasPrefix + device
        }
        try moment()
        tell(.deviceAdded(alias: alias))
    }

    func detach(alias: String, from name: String) async throws {
        try moment()
        let device = String(alias.dropFirst(DeviceSpec.aliasPrefix.count))
        let answer = state.withLock { state in
            state.calls.append("detach \(device)")
            return state.answers[device] ?? .gives
        }
        switch answer {
        case .gives: try unplug(device)
        case .refuses: tell(.deviceRemovalFailed(alias: alias))
        case .silent: break
        }
        try moment()
    }

    /// The guest releases a device, at a request or later.
    func unplug(_ device: String) throws {
        try state.withLock { state in
            state.live = try state.live.map { try Domain(parsing: $0).removing(names: [device]).text }
        }
        tell(.deviceRemoved(alias: DeviceSpec.aliasPrefix + device))
    }

    func stop() {
        state.withLock { $0.live = nil }
        tell(.stopped)
    }

    private func tell(_ change: DomainEvent.Change) {
        feed.publish(.event(DomainEvent(name: "fw1", uuid: Domain.uuid, change: change)))
    }
}
