// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import DomainPlanning
import DomainXML
import Foundation
import HostModel
import HostSimulator
import Ledger
import Logging
import Synchronization
import SystemServices
import TemporaryFiles
import Testing

@testable import buslaned

/// Seconds since the boot, as a test has them.
final class SceneClock: Sendable {
    private let clock = Mutex<@Sendable () -> Int>(BootClock.now)

    func set(_ now: @escaping @Sendable () -> Int) { clock.withLock { $0 = now } }
    @Sendable func now() -> Int { clock.withLock(\.self)() }
}

/// A daemon without its socket: a simulated host, a ledger on disk, and the parts between them.
struct Scene {
    let host: HostSimulator
    let ledger: Ledger
    let daemon: Wiring
    let clock = SceneClock()
    private let folder: TemporaryFolder
    private let file: String

    static let card: PCIAddress = "0000:3b:00.0"
    static let vf: [PCIAddress] = ["0000:3b:10.0", "0000:3b:10.1", "0000:3b:10.2", "0000:3b:10.3"]
    static let root = AuditEntry.Actor(uid: 0, pid: 1)
    static let pool = Pool(name: "vfs", selector: Selector(kinds: [.virtualFunction]))

    /// One card of seven VFs, its link down.
    static func oneCard() -> HostSimulator {
        HostSimulator {
            $0.numaNodes(1)
            $0.pf(card, totalVFs: 7, numa: 0, up: false)
        }
    }

    /// - Parameters:
    ///   - patience: how long the host may take until an action's effect shows.
    ///   - writePatience: how long a write may take until it returns.
    init(
        _ host: HostSimulator = Scene.oneCard(), patience: Duration = .milliseconds(20), writePatience: Duration? = nil
    ) throws {
        try self.init(
            host, folder: TemporaryFolder(), file: "ledger.sqlite", patience: patience, writePatience: writePatience)
    }

    private init(
        _ host: HostSimulator, folder: TemporaryFolder, file: String, patience: Duration, writePatience: Duration? = nil
    ) throws {
        self.host = host
        self.folder = folder
        self.file = file
        ledger = try Ledger(path: folder.path + "/" + file)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var executor = Executor(host: host, ledger: ledger, logger: logger, patience: { _ in patience })
        if let writePatience { executor.writePatience = { _ in writePatience } }
        daemon = Wiring(
            host: host, ledger: ledger, configuration: ConfigurationFolder(directory: folder.path),
            boot: Boot(identity: try host.snapshot().host, clock: clock.now), executor: executor, logger: logger)
    }

    /// Writes `buslane.yaml`.
    func configure(_ yaml: String) throws {
        try yaml.write(toFile: folder.path + "/buslane.yaml", atomically: true, encoding: .utf8)
    }

    /// The process ends at its `call`-th call of the host from now. What it goes on to write reaches no disk that
    /// matters: the ledger is copied as it is on disk at that moment.
    func crash(at call: Int) { host.crash(at: call, then: keptLedger) }

    /// The same at once.
    func end() {
        keptLedger()
        host.crash(at: 1)
    }

    private var keptLedger: @Sendable () -> Void {
        let (from, to) = (folder.path + "/" + file, folder.path + "/crashed-" + file)
        return { Self.copy(ledger: from, to: to) }
    }

    private static func copy(ledger: String, to copy: String) {
        for suffix in ["", "-wal"] { try? FileManager.default.copyItem(atPath: ledger + suffix, toPath: copy + suffix) }
    }

    /// From here on each moment of an effect is kept, the host and the disk as they are then: there the process might
    /// have ended.
    func keepMoments() -> Moments {
        let moments = Moments()
        let (path, file) = (folder.path + "/", file)
        host.atEachEffect { moment, host in
            let copy = "moment-\(moment)-\(file)"
            Self.copy(ledger: path + file, to: path + copy)
            moments.kept.withLock { $0.append((host, copy)) }
        }
        return moments
    }

    /// What ``keepMoments()`` kept.
    final class Moments: Sendable {
        fileprivate let kept = Mutex<[(host: HostSimulator, file: String)]>([])
        var count: Int { kept.withLock(\.count) }
    }

    /// The process that is started after the one that ended at this moment, before its recovery.
    func restarted(after moment: Int, of moments: Moments) throws -> Scene {
        let (host, file) = moments.kept.withLock { $0[moment] }
        return try Scene(host.restart(), folder: folder, file: file, patience: .seconds(2))
    }

    /// The next process after ``crash(at:)``, before its recovery.
    func restarted(reboot: Bool = false) throws -> Scene {
        try Scene(
            reboot ? host.reboot() : host.restart(), folder: folder, file: "crashed-" + file,
            patience: .milliseconds(20))
    }

    /// The next process after this one ended in order.
    func next(reboot: Bool = false) throws -> Scene {
        try Scene(
            reboot ? host.reboot() : host.restart(), folder: folder, file: file, patience: .milliseconds(20))
    }

    // MARK: Actions of tests

    /// The daemon's parts for the domains of this libvirt.
    func domains(
        of libvirt: any DomainControl, feed: DomainFeed = DomainFeed(), patience: Duration = .seconds(20)
    ) -> DomainWiring {
        DomainWiring(libvirt: libvirt, feed: feed, daemon: daemon, patience: patience)
    }

    static func declaring(_ count: Int, of card: PCIAddress = card, vfDriver: String? = nil) -> DesiredState {
        DesiredState(
            physicalFunctions: [
                PFDeclaration(selector: Selector(addresses: [card]), vfCount: count, vfDriver: vfDriver)
            ], pools: [pool])
    }

    @discardableResult
    func apply(_ desired: DesiredState, confirmed: Bool = true) async throws -> Plan {
        try await daemon.cards.apply.apply(desired, confirmed: confirmed, by: Scene.root)
    }

    func allocate(
        _ count: Int = 1, for owner: Owner = .name("fw1"), settings: VFSettings = VFSettings(), name: String? = nil,
        from pool: Pool = Scene.pool
    ) async throws -> Claim {
        try await daemon.allocator.allocate(
            ClaimRequest(pool: pool, count: count, owner: owner, settings: settings, deviceName: name), by: Scene.root)
    }

    @discardableResult
    func release(_ claim: Claim) async throws -> ClaimRelease.Outcome {
        try await daemon.release.release(claim.id, by: Scene.root)
    }

    /// Checks the invariants that hold when no work is in progress.
    func expectAtRest(_ comment: Comment? = nil) async throws {
        #expect(try await ledger.openIntents().isEmpty, comment)
        let claims = try await ledger.claims()
        #expect(claims.allSatisfy { $0.state.isHeld }, comment)
        let assigned = claims.flatMap { claim in claim.assignments.map { (claim.owner, $0) } }
        #expect(Set(assigned.map(\.1.address)).count == assigned.count, comment)
        var owners: [Int: Owner] = [:]
        for (owner, assignment) in assigned {
            guard let group = host.now[assignment.address]?.iommuGroup else { continue }
            #expect(owners.updateValue(owner, forKey: group) ?? owner == owner, comment)
        }
    }
}

extension Domain {
    static let uuid = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"

    /// A guest that has these functions from Buslane.
    static func guest(
        _ name: String = "fw1", uuid: String = uuid, having assignments: [Assignment], request: String = ""
    ) throws -> Domain {
        let plain = try Domain(
            parsing: """
                <domain type='kvm'><name>\(name)</name><uuid>\(uuid)</uuid>
                  <metadata>\(request)</metadata>
                  <memory>1</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>
                  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices>
                </domain>
                """)
        return try plain.adding(try assignments.map { try DeviceSpec($0) })
    }
}
