// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import HostModel
import Synchronization

struct AllocateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allocate",
        abstract: "Claims functions of a pool, binds them to VFIO and applies the VF settings.",
        discussion: """
            With --device, several devices of one or more pools are claimed together or not at all, on one NUMA node \
            if the policy requires it. Each device becomes a claim:
              buslane allocate --device data0=dataplane,vlan=100 \\
                --device disk0=disks --for domain:fw1 --numa required
            """,
        aliases: ["claim"])

    @Argument(help: "The pool to take from.", completion: .pools) var pool: String?
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions
    @Option(help: "How many functions to claim, all or none (default: 1).") var count: Int?
    @Option(
        help: "NAME=POOL[,mac=M][,vlan=V][,trust=on]… instead of a pool; may be repeated.",
        transform: AllocateRequest.Device.init(option:))
    var device: [AllocateRequest.Device] = []
    @Option(
        name: .customLong("for"),
        help: "The owner: domain:NAME, unit:NAME.service, pid:PID, or any name (default: your user).")
    var owner: String?
    @Option(
        help: "NUMA policy: none, preferred, required or socket, with a node as in required:1 (default: the pool's).",
        transform: parsed(NUMAPolicy.self))
    var numa: NUMAPolicy?
    @Option(
        help: "How to spread functions across PFs: any, pf (each on another PF) or one-pf (default: the pool's).",
        transform: parsedWord(Spread.self))
    var spread: Spread?
    @Option(
        help: "Wait up to this long for enough functions to become free, first come, first served: 30s, 5m, 1h.",
        transform: parsedSeconds)
    var wait: Int?
    @Option(
        help: "Release automatically after this long unless renewed: 90s, 10m, 24h.", transform: parsedSeconds)
    var ttl: Int?
    @Flag(help: "Claim nothing; say why each function of the pool would be taken or not.") var explain = false
    @Option(help: "The VF's MAC address.", transform: parsedMAC) var mac: MACAddress?
    @Option(help: "The VF's VLAN, enforced by the PF, 1 to 4094.", transform: parsed(VLANID.self)) var vlan: VLANID?
    @Option(help: "Let the guest change its MAC address and filters: on or off.", transform: parsedSwitch) var trust:
        Bool?
    @OptionGroup var more: VFOptions
    @Option(help: "The device's name in the domain (default: the claim's id).") var name: String?

    func validate() throws {
        guard (pool == nil) != device.isEmpty else { throw ValidationError("name either a pool or a --device") }
        do throws(MalformedDocument) { _ = try request.parts() } catch { throw ValidationError(error.problem) }
        if let count, count < 1 { throw ValidationError(Refusal.request(.countOutOfRange(count)).message) }
        if let name {
            do throws(MalformedValue) { _ = try DeviceName(name) } catch { throw ValidationError(error.message) }
            guard count ?? 1 == 1 else { throw ValidationError("--name is for a single function") }
        }
        if explain, !device.isEmpty { throw ValidationError("--explain is about one pool") }
    }

    private var request: AllocateRequest {
        var request = AllocateRequest(pool: pool)
        request.count = count
        request.devices = device.isEmpty ? nil : device
        request.owner = owner
        request.numa = numa
        request.spread = spread
        request.mac = mac
        request.vlan = vlan
        request.qos = more.qos
        request.vlanProtocol = more.vlanProtocol
        request.trust = trust
        request.spoofCheck = more.spoofCheck
        request.linkState = more.linkState
        request.minTxRate = more.minTxRate
        request.maxTxRate = more.maxTxRate
        request.name = name
        request.waitSeconds = wait
        request.ttlSeconds = ttl
        return request
    }

    func run() async throws {
        if explain {
            let document = try await connection.client.post(
                Route.explanation, request, as: ExplanationDocument.self)
            try Output.list(
                document, format, ids: document.candidates.filter(\.taken).map(\.address.description),
                table: document.table)
            if let refusal = document.refusal {
                throw Failure(document.refusalIsTemporary == false ? .refused : .notNow, refusal)
            }
            return
        }
        let document =
            wait == nil
            ? try await connection.client.post(Route.claims, request, as: ClaimsDocument.self)
            : try await connection.client.waitForClaim(request, showing: .standard(isForPeople: format.isForPeople))
        try Output.list(document, format, ids: document.claims.map(\.id), table: document.table)
    }
}

extension ControlClient {
    /// Shows the position in the queue while it waits.
    fileprivate func waitForClaim(
        _ request: AllocateRequest, showing display: ProgressDisplay
    ) async throws -> ClaimsDocument {
        let end = Mutex<ClaimLine?>(nil)
        do {
            try await lines(Route.waitingClaims, posting: request, as: ClaimLine.self) { line in
                if let before = line.before { display.show(waiting: before) } else { end.withLock { $0 = line } }
            }
        } catch {
            display.end()
            throw error
        }
        display.end()
        let last = end.withLock(\.self)
        if let error = last?.error { throw Failure(last?.errorIsTemporary == false ? .refused : .notNow, error) }
        guard let made = last?.made else {
            throw Failure(
                .daemonUnreachable, "interrupted", subject: socketPath, "the daemon stopped while this command waited",
                fix: "try again")
        }
        return made
    }
}

extension ExplanationDocument {
    fileprivate var table: Table {
        Table(
            columns: [
                .init("ADDRESS"), .init("PF", expendability: 1), .init("NODE"), .init("TAKEN"),
                .init("WHY", shrinks: true),
            ],
            rows: candidates.map { candidate in
                [
                    candidate.address.description, candidate.card.description,
                    candidate.numaNode.map(String.init) ?? "-", candidate.taken ? "yes" : "-", candidate.reason,
                ]
            },
            whenEmpty: "the pool has no function")
    }
}
