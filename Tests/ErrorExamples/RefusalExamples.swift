// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel
import HostSimulator

/// An error type whose every case has an example.
///
/// A new case does not compile until ``exampleCase`` knows it, and ``missing`` names it until ``examples`` has it.
public protocol Exemplified {
    associatedtype Case: Hashable, CaseIterable
    static var examples: [Self] { get }
    var exampleCase: Case { get }
}

extension Exemplified {
    /// The cases without an example.
    public static var missing: [Case] {
        let shown = Set(examples.map(\.exampleCase))
        return Case.allCases.filter { !shown.contains($0) }
    }
}

private let pf: PCIAddress = "0000:3b:00.0"
private let qemu = ProcessHolder(pid: 4711, command: "qemu-system-x86")

extension Refusal: Exemplified {
    public enum Case: CaseIterable { case function, pool, claim, domain, declaration, request, noIOMMU, notPermitted }

    public var exampleCase: Case {
        switch self {
        case .function: .function
        case .pool: .pool
        case .claim: .claim
        case .domain: .domain
        case .declaration: .declaration
        case .request: .request
        case .noIOMMU: .noIOMMU
        case .notPermitted: .notPermitted
        }
    }

    public static var examples: [Refusal] {
        FunctionObstacle.examples.map { .function(pf, $0) } + PoolObstacle.examples.map { .pool("fast", $0) }
            + ClaimObstacle.examples.map { .claim("c7", $0) } + DomainObstacle.examples.map { .domain("fw1", $0) }
            + DeclarationObstacle.examples.map { .declaration($0) } + RequestMistake.examples.map { .request($0) }
            + [.noIOMMU, .notPermitted(what: "release claim", subject: "c7", user: "amy", remedy: "run it as root")]
    }
}

extension FunctionObstacle: Exemplified {
    public enum Case: CaseIterable {
        case unknown, settingsNeedVirtualFunction, groupNotViable, physicalFunctionDown, heldByClaim, heldByProcess
        case settingsNotEnforced, notIsolated, needsVFToken, deniedByVFIO
        case heldByDomain, heldByGuest, mayBeStarting, inUseByOwner, usedByHost, interfaceElsewhere, hostConsole,
            diskInUse,
            deviceOpen,
            cutIntoVFs, quarantined, notQuarantined, notInPool, notLike
        case notClaimedForDomain, claimHasMoved, awaited
    }

    public var exampleCase: Case {
        switch self {
        case .unknown: .unknown
        case .settingsNeedVirtualFunction: .settingsNeedVirtualFunction
        case .settingsNotEnforced: .settingsNotEnforced
        case .groupNotViable: .groupNotViable
        case .notIsolated: .notIsolated
        case .needsVFToken: .needsVFToken
        case .deniedByVFIO: .deniedByVFIO
        case .physicalFunctionDown: .physicalFunctionDown
        case .heldByClaim: .heldByClaim
        case .heldByProcess: .heldByProcess
        case .heldByDomain: .heldByDomain
        case .heldByGuest: .heldByGuest
        case .mayBeStarting: .mayBeStarting
        case .inUseByOwner: .inUseByOwner
        case .usedByHost: .usedByHost
        case .interfaceElsewhere: .interfaceElsewhere
        case .hostConsole: .hostConsole
        case .diskInUse: .diskInUse
        case .deviceOpen: .deviceOpen
        case .cutIntoVFs: .cutIntoVFs
        case .quarantined: .quarantined
        case .notQuarantined: .notQuarantined
        case .notInPool: .notInPool
        case .notLike: .notLike
        case .notClaimedForDomain: .notClaimedForDomain
        case .claimHasMoved: .claimHasMoved
        case .awaited: .awaited
        }
    }

    public static var examples: [FunctionObstacle] {
        [
            .unknown, .settingsNeedVirtualFunction, .notIsolated,
            .settingsNotEnforced(physicalFunction: pf, driver: "virtio-pci"),
            .settingsNotEnforced(physicalFunction: pf, driver: nil),
            .needsVFToken(physicalFunction: pf, driver: "vfio-pci"), .deniedByVFIO(ids: "8086:37c9"),
            .groupNotViable(
                group: 5, blockers: [.init(address: pf, reason: "bound to host driver igb")],
                place: VirtualFunction(physicalFunction: pf, index: 0)),
            .usedByHost(interface: "ens1", master: "br0"),
            .heldByProcess(ProcessHolder(pid: 7, command: "qemu-system-x86", guest: "fw1")),
            .groupNotViable(group: 5, blockers: [.init(address: pf, reason: "bound to host driver igb")]),
            .physicalFunctionDown(interface: "ens1"), .heldByClaim(claim: "c7", owner: "fw1"), .heldByProcess(qemu),
            .heldByDomain(domain: "fw1"), .heldByGuest(domain: "fw1"), .mayBeStarting(domain: "fw1"),
            .inUseByOwner(owner: "fw1", qemu), .usedByHost(interface: "ens1"), .interfaceElsewhere,
            .hostConsole(ids: "10de:2204"),
            .diskInUse(DiskUse(device: "nvme0n1p1", .mounted(at: "/var"))),
            .diskInUse(DiskUse(device: "sda2", .swap)),
            .diskInUse(DiskUse(device: "sda", .under(["md0", "vg0-data"]))),
            .diskInUse(DiskUse(device: "sdb", .member(of: "btrfs 0b0e7b4e"))),
            .diskInUse(DiskUse(device: "sdc", .exported(as: "nqn.2026-11.org.example:c"))),
            .diskInUse(DiskUse(device: "sdd", .exclusive)),
            .deviceOpen(DeviceUse(device: "/dev/dri/card0", process: ProcessHolder(pid: 812, command: "Xorg"))),
            .deviceOpen(
                DeviceUse(device: "/dev/nvme0n1", process: ProcessHolder(pid: 9, command: "qemu", guest: "fw1"))),
            .cutIntoVFs(count: 2), .quarantined(reason: "stuck"),
            .quarantined(reason: CardDoubt(reason: "2 of this model could be it").description, claim: "c7"),
            .quarantined(reason: CardDoubt(reason: "2 of this model could be it").description),
            .quarantined(reason: CardDoubt.strangerReason(former: "0000:3c:00.0")),
            .notQuarantined, .notInPool("fast"), .notLike(claim: "c7"),
            .notClaimedForDomain(device: "data0", domain: "fw1"),
            .claimHasMoved(device: "data0", domain: "fw1", to: "0000:3c:10.0"), .awaited,
        ]
    }
}

extension PoolObstacle: Exemplified {
    public enum Case: CaseIterable {
        case unknown, quotaReached, exhausted, nodeExhausted, cardsExhausted, notTogether
        case tooSmall, tooSmallOnNode, tooSmallOnCards, neverTogether
    }

    public var exampleCase: Case {
        switch self {
        case .unknown: .unknown
        case .quotaReached: .quotaReached
        case .exhausted: .exhausted
        case .nodeExhausted: .nodeExhausted
        case .cardsExhausted: .cardsExhausted
        case .notTogether: .notTogether
        case .tooSmall: .tooSmall
        case .tooSmallOnNode: .tooSmallOnNode
        case .tooSmallOnCards: .tooSmallOnCards
        case .neverTogether: .neverTogether
        }
    }

    public static var examples: [PoolObstacle] {
        [
            .unknown(known: []), .unknown(known: ["a", "b"]), .quotaReached(holder: "user id 1000", limit: 2),
            .exhausted(wanted: 2, free: 1, total: 4, reasons: ["3 claimed"]),
            .tooSmall(wanted: 5, total: 4), .tooSmall(wanted: 2, total: 0),
            .tooSmallOnNode(policy: .required(node: 1), wanted: 1, byNode: [.init(node: 0, free: 2)]),
            .tooSmallOnNode(policy: .required(node: 1), wanted: 2, byNode: [.init(node: nil, free: 2)]),
            .tooSmallOnCards(spread: .pf, policy: .none, wanted: 3, most: 2),
            .tooSmallOnCards(spread: .onePF, policy: .required(node: 1), wanted: 3, most: 2),
            .neverTogether(devices: ["data0", "data1"], policy: .required(node: 1), spread: .onePF),
            .nodeExhausted(policy: .required(node: 1), wanted: 1, freeByNode: []),
            .nodeExhausted(policy: .required(node: 1), wanted: 1, freeByNode: [.init(node: nil, free: 1)]),
            .cardsExhausted(
                spread: .pf, policy: .none, wanted: 2, freeByCard: [.init(card: pf, node: 0, free: 3)]),
            .notTogether(devices: ["data0", "data1"], policy: .required(node: 1), spread: .pf),
        ]
    }
}

extension ClaimObstacle: Exemplified {
    public enum Case: CaseIterable {
        case unknown, changing, notRenewable, guestStarting, inUse, notInDoubt, whichDevice, cardAway,
            differsFromRequest,
            staleGeneration
    }

    public var exampleCase: Case {
        switch self {
        case .unknown: .unknown
        case .changing: .changing
        case .notRenewable: .notRenewable
        case .guestStarting: .guestStarting
        case .inUse: .inUse
        case .notInDoubt: .notInDoubt
        case .whichDevice: .whichDevice
        case .cardAway: .cardAway
        case .differsFromRequest: .differsFromRequest
        case .staleGeneration: .staleGeneration
        }
    }

    public static var examples: [ClaimObstacle] {
        [
            .unknown, .changing, .notRenewable(hasEnded: true), .notRenewable(hasEnded: false),
            .guestStarting(domain: "fw1"), .inUse, .notInDoubt, .whichDevice(["data0", "data1"]),
            .whichDevice(["data0"]),
            .cardAway, .differsFromRequest(device: "data0", domain: "fw1", lacking: ["pool dataplane", "vlan 100"]),
            .staleGeneration(given: 1, current: 2),
        ]
    }
}

extension RequestMistake: Exemplified {
    public enum Case: CaseIterable {
        case countOutOfRange, macNeedsOneFunction, badMAC, unknownProcess, deviceNameTaken, macInUse
    }

    public var exampleCase: Case {
        switch self {
        case .countOutOfRange: .countOutOfRange
        case .macNeedsOneFunction: .macNeedsOneFunction
        case .badMAC: .badMAC
        case .unknownProcess: .unknownProcess
        case .deviceNameTaken: .deviceNameTaken
        case .macInUse: .macInUse
        }
    }

    public static var examples: [RequestMistake] {
        [
            .countOutOfRange(0), .macNeedsOneFunction(count: 2), .badMAC(MACAddress(rawValue: 0)),
            .badMAC("01:00:5e:00:00:01"), .unknownProcess(4711),
            .deviceNameTaken("data0", owner: "fw1", claim: "c7"),
            .macInUse("52:54:00:11:22:33", physicalFunction: pf, claim: "c7", owner: "fw1"),
        ]
    }
}

extension DeclarationObstacle: Exemplified {
    public enum Case: CaseIterable {
        case noSRIOV, noDriver, noVFMemory, tooManyVFs, msixNotShared, tooManyVectors, poolsOverlap,
            selectorMatchesNothing
        case selectorAmbiguous, declaredTwice, macOfSeveralCards, noInterfaceToSetThrough, noSuchPort, vfsNeedLink
        case settingsNotEnforced, settingsNeedEthernet, onVFIOItself, noSuchVFDriver, vfsDeniedByVFIO, vfioNeedsIOMMU
    }

    public var exampleCase: Case {
        switch self {
        case .noSRIOV: .noSRIOV
        case .noDriver: .noDriver
        case .noVFMemory: .noVFMemory
        case .tooManyVFs: .tooManyVFs
        case .msixNotShared: .msixNotShared
        case .tooManyVectors: .tooManyVectors
        case .poolsOverlap: .poolsOverlap
        case .selectorMatchesNothing: .selectorMatchesNothing
        case .selectorAmbiguous: .selectorAmbiguous
        case .declaredTwice: .declaredTwice
        case .macOfSeveralCards: .macOfSeveralCards
        case .noInterfaceToSetThrough: .noInterfaceToSetThrough
        case .noSuchPort: .noSuchPort
        case .vfsNeedLink: .vfsNeedLink
        case .settingsNotEnforced: .settingsNotEnforced
        case .settingsNeedEthernet: .settingsNeedEthernet
        case .onVFIOItself: .onVFIOItself
        case .noSuchVFDriver: .noSuchVFDriver
        case .vfsDeniedByVFIO: .vfsDeniedByVFIO
        case .vfioNeedsIOMMU: .vfioNeedsIOMMU
        }
    }

    public static var examples: [DeclarationObstacle] {
        let host = HostSimulator { $0.pf(pf, totalVFs: 1) }.now
        return [
            .noSRIOV(pf), .noDriver(pf), .noVFMemory(pf), .tooManyVFs(pf, wanted: 9, total: 7),
            .msixNotShared(pf, driver: "igb"),
            .tooManyVectors(pf, wanted: 24, total: 20),
            .poolsOverlap(exclusive: "fast", other: "slow", function: "0000:3b:10.2"),
            .selectorMatchesNothing(declaration: "physicalFunctions[0]", met: []),
            .selectorMatchesNothing(
                declaration: "a.yaml:3:5", met: Selector(addresses: [pf], numaNodes: [3]).meetings(on: host)),
            .selectorAmbiguous(declaration: "a.yaml:3:5", met: Selector(addresses: [pf]).meetings(on: host)[0]),
            .declaredTwice(pf, places: []), .declaredTwice(pf, places: ["a.yaml:1:2", "b.yaml:3:4"]),
            .macOfSeveralCards("52:54:00:11:22:33", declaration: "a.yaml:3:5", physicalFunctions: [pf]),
            .noInterfaceToSetThrough(pf), .noSuchPort(pf, .number(3), known: [.name("p0"), .name("p1")]),
            .noSuchPort(pf, .name("p1"), known: []), .vfsNeedLink(pf, driver: "bnxt_en"), .settingsNeedEthernet(pf),
            .settingsNotEnforced(pf, driver: "virtio-pci"),
            .onVFIOItself(pf, driver: "vfio-pci"), .noSuchVFDriver(pf, driver: "foo", known: []),
            .noSuchVFDriver(pf, driver: "vfio-pcy", known: ["vfio-pci"]), .vfsDeniedByVFIO(pf, ids: "8086:37c9"),
            .vfioNeedsIOMMU(pf, driver: "vfio-pci"),
        ]
    }
}
