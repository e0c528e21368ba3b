// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

private let vfs = Pool(name: "vfs", selector: Selector(kinds: [.virtualFunction]))
private let all = Pool(name: "all", selector: Selector())

private func request(
    _ pool: Pool, count: Int = 1, numa: NUMAPolicy? = nil, settings: VFSettings = VFSettings(), owner: String = "fw1"
) -> ClaimRequest {
    ClaimRequest(pool: pool, count: count, owner: .name(owner), numa: numa, settings: settings)
}

/// The addresses chosen, or the refusal.
private func place(
    _ request: ClaimRequest, on host: HostSimulator, _ holdings: Holdings = Holdings()
) -> Result<[PCIAddress], Refusal> {
    do throws(Refusal) {
        return .success(try Placement.choose(for: request, on: host.now, holdings: holdings).map(\.address))
    } catch {
        return .failure(error)
    }
}

@Suite("Placing a claim")
struct PlacementTests {
    /// One PF on each of two nodes, with two unbound VFs each.
    private let host: HostSimulator

    init() throws {
        host = HostSimulator {
            $0.numaNodes(2)
            $0.pf("0000:3b:00.0", totalVFs: 7, numa: 0)
            $0.pf("0000:af:00.0", totalVFs: 7, numa: 1)
        }
        for pf: PCIAddress in ["0000:3b:00.0", "0000:af:00.0"] {
            try host.meanwhile(.setDriversAutoprobe(physicalFunction: pf, on: false))
            try host.meanwhile(.setVFCount(physicalFunction: pf, count: 2))
        }
    }

    @Test("a claim satisfies another request if its function is in that pool and on the wanted node")
    func suits() throws {
        let first = Pool(name: "first", selector: Selector(addresses: ["0000:3b:10.0"]))
        func suits(_ address: PCIAddress, _ request: ClaimRequest, _ holdings: Holdings = Holdings()) throws -> Bool {
            let function = try #require(host.now[address])
            let claim = Claim(
                id: "c1", pool: "vfs", owner: .name("fw1"), ownerName: "fw1", numa: .none, state: .bound, createdAt: 0,
                assignments: [
                    Assignment(
                        name: "data0", address: address, virtualFunction: function.virtualFunction,
                        iommuGroup: function.iommuGroup ?? 0, numaNode: function.numaNode, isNetwork: true,
                        settings: VFSettings(),
                        original: OriginalState(driver: nil, driverOverride: nil, settings: nil), companionOf: nil)
                ])
            return Placement.suits(claim, request, on: host.now, holdings: holdings)
        }
        #expect(try suits("0000:3b:10.0", request(first)))
        #expect(try !suits("0000:3b:10.1", request(first)))
        #expect(try suits("0000:3b:10.0", request(vfs, numa: .required(node: nil))))
        #expect(try !suits("0000:3b:10.0", request(vfs, numa: .required(node: 1))))
        // A preference holds while it can be satisfied.
        #expect(try !suits("0000:3b:10.0", request(vfs, numa: .preferred(node: 1))))
        let taken = Holdings(claims: ["0000:af:10.0": heldByFirewall, "0000:af:10.1": heldByFirewall])
        #expect(try suits("0000:3b:10.0", request(vfs, numa: .preferred(node: 1)), taken))
    }

    @Test("follows the NUMA policy, and keeps a claim's functions together where it can")
    func numa() {
        #expect(place(request(vfs), on: host) == .success(["0000:3b:10.0"]))
        #expect(place(request(vfs, numa: .required(node: 1)), on: host) == .success(["0000:af:10.0"]))
        #expect(
            place(request(vfs, count: 3, numa: .preferred(node: 1)), on: host)
                == .success(["0000:af:10.0", "0000:af:10.1", "0000:3b:10.0"]))
        let oneTaken = Holdings(claims: ["0000:3b:10.0": heldByFirewall])
        for policy in [NUMAPolicy.required(node: nil), .preferred(node: nil)] {
            #expect(
                place(request(vfs, count: 2, numa: policy, owner: "b"), on: host, oneTaken)
                    == .success(["0000:af:10.0", "0000:af:10.1"]))
        }
        #expect(
            place(request(vfs, count: 3, numa: .preferred(node: nil), owner: "b"), on: host, oneTaken)
                == .success(["0000:3b:10.1", "0000:af:10.0", "0000:af:10.1"]))
    }

    @Test("the refusal of a node with too few functions says how many are free on each node")
    func nodeExhausted() {
        let taken = Holdings(claims: ["0000:af:10.0": heldByFirewall])
        let outcome = place(request(vfs, count: 2, numa: .required(node: 1), owner: "b"), on: host, taken)
        guard case .failure(let refusal) = outcome else {
            Issue.record("placed: \(outcome)")
            return
        }
        #expect(refusal.code == "no-capacity-on-node")
        #expect(refusal.isTemporary)
        #expect(refusal.message.contains("2 free on node 0, 1 free on node 1"))
    }

    @Test("the refusal of a pool with too few functions counts the causes")
    func exhausted() {
        let taken = Holdings(claims: ["0000:3b:10.0": heldByFirewall, "0000:3b:10.1": heldByFirewall])
        #expect(
            place(request(vfs, count: 3), on: host, taken)
                == .failure(.pool("vfs", .exhausted(wanted: 3, free: 2, total: 4, reasons: ["2 claimed by fw1"]))))
        let nothing = Pool(name: "none", selector: Selector(addresses: ["0000:99:00.0"]))
        #expect(
            place(request(nothing), on: host)
                == .failure(.pool("none", .tooSmall(wanted: 1, total: 0))))
    }

    @Test("malformed requests are refused")
    func malformed() {
        #expect(place(request(vfs, count: 0), on: host) == .failure(.request(.countOutOfRange(0))))
        let mac = VFSettings(mac: "52:54:00:11:22:33")
        #expect(
            place(request(vfs, count: 2, settings: mac), on: host) == .failure(.request(.macNeedsOneFunction(count: 2)))
        )
        for bad: MACAddress in ["00:00:00:00:00:00", "01:00:5e:00:00:01"] {
            #expect(place(request(vfs, settings: VFSettings(mac: bad)), on: host) == .failure(.request(.badMAC(bad))))
        }
    }

    @Test("settings are refused for a function that is not a network VF")
    func settingsNeedVF() {
        let host = HostSimulator { $0.function("0000:05:00.0") }
        #expect(
            place(request(all, settings: VFSettings(trust: true)), on: host)
                == .failure(.function("0000:05:00.0", .settingsNeedVirtualFunction)))
    }

    @Test("nothing can be claimed without an IOMMU")
    func noIOMMU() {
        let host = HostSimulator {
            $0.noIOMMU()
            $0.function("0000:05:00.0")
        }
        #expect(place(request(all), on: host) == .failure(.noIOMMU))
    }
}

@Suite("What keeps a function from being handed out")
struct ObstacleTests {
    @Test("the refusal of a group with a host driver names the blockers; bridges are ignored")
    func notViable() {
        let host = HostSimulator {
            $0.bridge("0000:00:01.0")
            $0.function("0000:05:00.0")
            $0.function("0000:06:00.0", driver: "snd_hda_intel", classCode: 0x040300)
            $0.group(["0000:00:01.0", "0000:05:00.0", "0000:06:00.0"])
        }
        let pool = Pool(name: "gpu", selector: Selector(addresses: ["0000:05:00.0"]))
        guard case .failure(let refusal) = place(request(pool), on: host) else {
            Issue.record("placed")
            return
        }
        #expect(refusal.code == "group-not-viable")
        #expect(refusal.message.contains("0000:06:00.0 bound to host driver snd_hda_intel"))
        #expect(!refusal.message.contains("0000:00:01.0"))
        #expect(refusal.remedy?.contains("0000:06:00.0") == true)
    }

    @Test("a PF with VFs cannot be claimed, nor a VF of a claimed PF")
    func physicalAndVirtualExclude() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7, up: false) }
        try host.meanwhile(.setDriversAutoprobe(physicalFunction: pf, on: false))
        try host.meanwhile(.setVFCount(physicalFunction: pf, count: 1))
        let whole = Pool(name: "cards", selector: Selector(kinds: [.physicalFunction]))
        #expect(place(request(whole), on: host) == .failure(.function(pf, .cutIntoVFs(count: 1))))
        let held = Holdings(claims: [pf: heldByFirewall])
        for owner in ["fw1", "other"] {
            guard case .failure = place(request(vfs, owner: owner), on: host, held) else {
                Issue.record("a VF of a claimed card was given to \(owner)")
                continue
            }
        }
    }

    @Test("only one owner can have functions of a group")
    func groupOwner() throws {
        let host = HostSimulator { $0.pf(pf, totalVFs: 7, vfGroups: .shared) }
        try host.meanwhile(.setDriversAutoprobe(physicalFunction: pf, on: false))
        try host.meanwhile(.setVFCount(physicalFunction: pf, count: 2))
        let held = Holdings(claims: ["0000:3b:10.0": heldByFirewall])
        #expect(place(request(vfs), on: host, held) == .success(["0000:3b:10.1"]))
        guard case .failure(let refusal) = place(request(vfs, owner: "other"), on: host, held) else {
            Issue.record("two owners in one group")
            return
        }
        #expect(refusal.code == "no-capacity")
    }

    @Test(
        "a function is not available if the host uses its interface, it is in quarantine, or another process has it open"
    )
    func others() {
        let host = HostSimulator {
            $0.function("0000:05:00.0", driver: "e1000e", interface: "eno1", up: true)
            $0.function("0000:06:00.0")
        }
        let first = Pool(name: "a", selector: Selector(addresses: ["0000:05:00.0"]))
        let second = Pool(name: "b", selector: Selector(addresses: ["0000:06:00.0"]))
        #expect(place(request(first), on: host) == .failure(.function("0000:05:00.0", .usedByHost(interface: "eno1"))))
        let quarantine = Holdings(quarantine: ["0000:06:00.0": "stuck"])
        #expect(
            place(request(second), on: host, quarantine)
                == .failure(.function("0000:06:00.0", .quarantined(reason: "stuck"))))
        let open = Holdings(openGroups: [
            host.now["0000:06:00.0"]?.iommuGroup ?? 0: ProcessHolder(pid: 7, command: "qemu")
        ])
        guard case .failure(let refusal) = place(request(second), on: host, open) else {
            Issue.record("handed out while open")
            return
        }
        #expect(refusal.isTemporary)
        var mounted = Holdings()
        mounted.disks = ["0000:06:00.0": [DiskUse(device: "nvme0n1p1", .mounted(at: "/var"))]]
        #expect(
            place(request(second), on: host, mounted)
                == .failure(.function("0000:06:00.0", .diskInUse(DiskUse(device: "nvme0n1p1", .mounted(at: "/var"))))))
        #expect(Placement.free(of: second, on: host.now, holdings: open).isEmpty)
        #expect(Placement.free(of: second, on: host.now, holdings: Holdings()).count == 1)
    }

    @Test("the graphics card of the host's console is not available while the host drives it, and neither is its sound")
    func console() throws {
        let (first, sound, second): (PCIAddress, PCIAddress, PCIAddress) = (
            "0000:01:00.0", "0000:01:00.1", "0000:02:00.0"
        )
        let host = HostSimulator {
            $0.function(first, driver: "nouveau", classCode: 0x030000, isConsole: true)
            $0.function(sound, driver: "snd_hda_intel", classCode: 0x040300)
            $0.group([first, sound])
            $0.function(second, driver: "nouveau", classCode: 0x030000, isConsole: false)
        }
        func pool(_ address: PCIAddress) -> Pool { Pool(name: "gpu", selector: Selector(addresses: [address])) }
        let refusal = Refusal.function(first, .hostConsole(ids: "8086:10d3"))
        #expect(refusal.code == "used-by-host")
        #expect(place(request(pool(first)), on: host) == .failure(refusal))
        #expect(place(request(pool(sound)), on: host) == .failure(refusal))
        #expect(place(request(pool(second)), on: host) == .success([second]))
        #expect(host.now[first]?.holders(HostUses()).map(\.kind) == [.console])
        #expect(host.now[second]?.holders(HostUses()) == [])
        // Bound at boot: the host has given it up.
        try host.meanwhile(.unbindDriver(first))
        try host.meanwhile(.setDriverOverride(first, driver: "vfio-pci"))
        try host.meanwhile(.probeDriver(first))
        guard case .success(let placed) = place(request(pool(first)), on: host) else {
            Issue.record("refused on vfio-pci")
            return
        }
        #expect(placed.contains(first))
        #expect(host.now[first]?.holders(HostUses()) == [])
    }
}
