// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("The words of refusals")
struct RefusalTests {
    static let one: [Refusal] = [
        .unknownFunction(pf), .unknownPool("x", known: []), .unknownPool("x", known: ["a", "b"]), .unknownClaim("c9"),
        .countOutOfRange(0), .settingsNeedVirtualFunction(pf), .macNeedsOneFunction(count: 2),
        .badMAC(MACAddress(rawValue: 0)), .deviceNameTaken("data0", owner: "fw1", claim: "c1"),
        .noIOMMU, .noSRIOV(pf), .tooManyVFs(pf, wanted: 9, total: 7),
        .selectorMatchesNothing(declaration: "physicalFunctions[0]", met: []),
        .selectorMatchesNothing(
            declaration: "a.yaml:3:5",
            met: Selector(addresses: [pf], numaNodes: [3]).meetings(on: HostSimulator { $0.pf(pf, totalVFs: 1) }.now)),
        .declaredTwice(pf, places: []), .declaredTwice(pf, places: ["a.yaml:1:2", "b.yaml:3:4"]),
        .selectorAmbiguous(
            declaration: "a.yaml:3:5",
            met: Selector(addresses: [pf]).meetings(on: HostSimulator { $0.pf(pf, totalVFs: 1) }.now)[0]),
        .macOfSeveralCards("52:54:00:11:22:33", declaration: "a.yaml:3:5", physicalFunctions: [pf]),
        .noInterfaceToSetThrough(pf),
        .groupNotViable(pf, group: 5, blockers: [.init(address: pf, reason: "bound to host driver igb")]),
        .physicalFunctionDown(pf, interface: "ens1"), .vfsNeedLink(pf, driver: "bnxt_en"),
        .heldByClaim(pf, claim: "c1", owner: "fw1"),
        .heldByProcess(pf, ProcessHolder(pid: 1, command: "qemu")),
        .inUseByOwner(pf, owner: "fw1", ProcessHolder(pid: 1, command: "qemu")), .usedByHost(pf, interface: "ens1"),
        .diskInUse(pf, DiskUse(device: "nvme0n1p1", mountPoint: "/var")),
        .diskInUse(pf, DiskUse(device: "sda2", mountPoint: nil)),
        .cutIntoVFs(pf, count: 2), .quarantined(pf, reason: "stuck"),
        .notClaimedForDomain(pf, device: "data0", domain: "fw1"), .nothingToAttach(domain: "fw1"),
        .domainWithoutUUID("fw1"),
        .requestWithoutDevices(domain: "fw1", devices: ["data0"]), .guestStarting(claim: "c1", domain: "fw1"),
        .staleGeneration(claim: "c1", given: 1, current: 2),
        .poolExhausted(pool: "p", wanted: 2, free: 1, total: 4, reasons: ["3 claimed"]),
        .poolExhausted(pool: "p", wanted: 2, free: 0, total: 0, reasons: []),
        .nodeExhausted(pool: "p", policy: .required(node: 1), wanted: 1, freeByNode: []),
        .nodeExhausted(
            pool: "p", policy: .required(node: 1), wanted: 1, freeByNode: [.init(node: nil, free: 1)]),
    ]

    @Test("each has a code, a subject and a message of one line", arguments: one)
    func texts(refusal: Refusal) {
        #expect(refusal.code.wholeMatch(of: /[a-z]+(-[a-z]+)*/) != nil)
        for text in [refusal.subject, refusal.message, refusal.remedy ?? "none"] {
            #expect(!text.isEmpty)
            #expect(!text.contains("\n"))
        }
    }

    @Test("only a lack of capacity and a start under way are worth another try")
    func temporary() {
        let temporary = Set(Self.one.filter(\.isTemporary).map(\.code))
        #expect(temporary == ["no-capacity", "no-capacity-on-node", "guest-starting"])
    }

    @Test("the remedy names the command that helps")
    func remedies() {
        #expect(Refusal.heldByClaim(pf, claim: "c1", owner: "fw1").remedy == "buslane release c1")
        #expect(Refusal.tooManyVFs(pf, wanted: 9, total: 7).remedy == "declare vfCount: 7 or less")
    }
}
