// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Ledger
import Testing

@testable import buslaned

@Suite("Functions that the host uses through their drivers")
struct HostUseTests {
    private static let drive: PCIAddress = "0000:06:00.0"
    private static let spare: PCIAddress = "0000:07:00.0"
    private static let pool = Pool(name: "disks", selector: Selector(addresses: [drive, spare]))

    private func scene() throws -> Scene {
        try Scene(
            HostSimulator {
                $0.function(Self.drive, driver: "nvme", classCode: 0x010802)
                $0.function(Self.spare, driver: "nvme", classCode: 0x010802)
            })
    }

    private static let reader = DeviceUse(
        device: "/dev/nvme0n1", process: ProcessHolder(pid: 9, command: "vm", guest: "vm1"))
    private static let disks = [
        DiskUse(device: "nvme0n1", .mounted(at: "/")), DiskUse(device: "nvme0n1", .under(["md0"])),
        DiskUse(device: "nvme0n1", .member(of: "btrfs 1")), DiskUse(device: "nvme0n1", .exclusive),
    ]

    @Test("a disk in use is not chosen, and refused before any effect when no other is left", arguments: disks)
    func disk(use: DiskUse) async throws {
        let scene = try scene()
        scene.host.use(Self.drive, disk: use)
        let before = scene.host.now
        await #expect(throws: Refusal.function(Self.drive, .diskInUse(use))) {
            _ = try await scene.allocate(2, from: Self.pool)
        }
        #expect(scene.host.now == before)
        let claim = try await scene.allocate(from: Self.pool)
        #expect(claim.assignments.map(\.address) == [Self.spare])
        let explanation = try await scene.daemon.candidates.explain(
            ClaimRequest(pool: Self.pool, count: 1, owner: .name("fw1")))
        #expect(
            explanation.candidates.contains {
                $0.address == Self.drive && $0.verdict == .obstructed(.function(Self.drive, .diskInUse(use)))
            })
    }

    @Test("a function with an open device file is refused, and the process named")
    func device() async throws {
        let scene = try scene()
        scene.host.use(Self.drive, device: Self.reader)
        let before = scene.host.now
        await #expect(throws: Refusal.function(Self.drive, .deviceOpen(Self.reader))) {
            _ = try await scene.allocate(2, from: Self.pool)
        }
        #expect(scene.host.now == before)
    }

    @Test("a claimed drive that the host has taken back meanwhile is not unbound at a start")
    func takenBack() async throws {
        let scene = try scene()
        let claim = try await scene.allocate(2, from: Self.pool)
        for action: HostAction in [
            .unbindDriver(Self.drive), .setDriverOverride(Self.drive, driver: nil), .probeDriver(Self.drive),
        ] { try scene.host.meanwhile(action) }
        #expect(scene.host.now[Self.drive]?.driver == "nvme")
        scene.host.use(Self.drive, disk: Self.disks[3])
        await #expect(throws: Refusal.function(Self.drive, .diskInUse(Self.disks[3]))) {
            try await scene.daemon.use.begin([claim])
        }
        #expect(scene.host.now[Self.drive]?.driver == "nvme")
    }

    @Test("an interface that a container has vanishes by a plan only when confirmed, and no claim takes its VF")
    func container() async throws {
        let scene = try Scene()
        try await scene.apply(Scene.declaring(2))
        let claim = try await scene.allocate(from: Pool(name: "one", selector: Selector(addresses: [Scene.vf[1]])))
        for action: HostAction in [
            .unbindDriver(Scene.vf[1]), .setDriverOverride(Scene.vf[1], driver: "igbvf"), .probeDriver(Scene.vf[1]),
        ] { try scene.host.meanwhile(action) }
        scene.host.moveInterface(of: Scene.vf[1])
        let before = scene.host.now
        await #expect(throws: Refusal.function(Scene.vf[1], .interfaceElsewhere)) {
            try await scene.daemon.use.begin([claim])
        }
        #expect(scene.host.now == before)
        // The container keeps it: its function is in quarantine, not in the pool.
        _ = try await scene.daemon.release.release(claim.id, by: Scene.root)
        #expect(scene.host.now == before)
        #expect(try await scene.ledger.quarantine().keys.sorted() == [Scene.vf[1]])
        let asked = await #expect(throws: ConfirmationNeeded.self) {
            try await scene.apply(Scene.declaring(4), confirmed: false)
        }
        #expect(
            asked?.description.hasSuffix(
                "with them the interfaces of 0000:3b:10.1 in other network namespaces, as of containers") == true)
    }

    @Test("VFs with a disk or an open device file of the host do not vanish by a plan", arguments: [true, false])
    func planned(isDisk: Bool) async throws {
        let scene = try Scene()
        try await scene.apply(Scene.declaring(3, vfDriver: "igbvf"))
        if isDisk {
            scene.host.use(Scene.vf[1], disk: Self.disks[3])
        } else {
            scene.host.use(Scene.vf[1], device: Self.reader)
        }
        let before = scene.host.now
        let obstacle: FunctionObstacle = isDisk ? .diskInUse(Self.disks[3]) : .deviceOpen(Self.reader)
        for desired in [Scene.declaring(1, vfDriver: "igbvf"), Scene.declaring(3, vfDriver: "vfio-pci")] {
            await #expect(throws: Refusal.function(Scene.vf[1], obstacle)) {
                _ = try await scene.daemon.cards.apply.plan(for: desired)
            }
            await #expect(throws: Refusal.function(Scene.vf[1], obstacle)) { try await scene.apply(desired) }
        }
        #expect(scene.host.now == before)
    }
}
