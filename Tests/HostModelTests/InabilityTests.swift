// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

private let card: PCIAddress = "0000:3b:00.0"
private let vf: PCIAddress = "0000:3b:10.0"

/// One PF with one VF.
private struct OneVF {
    var identity = Identity(vendor: 0x8086, device: 0x10ca, classCode: 0x020000)
    var pfClass: UInt32 = 0x020000
    var pfDriver: String? = "igb"
    var vfDriver: String?
    var vfCount = 1
    var drivers: PCIDrivers? = PCIDrivers(registered: ["igb", "vfio-pci"], denylistIsOff: false)
    var kernel: String? = "6.12.0-amd64"
    var isNoIOMMU = false

    var host: HostSnapshot {
        var physical = Function(
            address: card, identity: Identity(vendor: identity.vendor, device: 0x10c9, classCode: pfClass),
            driver: pfDriver, iommuGroup: 1, numaNode: 0,
            role: .physicalFunction(
                SRIOV(
                    totalVFs: 7, vfCount: vfCount, offset: 128, stride: 1, vfDevice: identity.device,
                    driversAutoprobe: false, virtualFunctions: vfCount == 0 ? [] : [vf])))
        physical.interfaces = [
            NetworkInterface(name: "ens1", index: 2, mac: nil, state: "up", isAdministrativelyUp: true)
        ]
        let virtual = Function(
            address: vf, identity: identity, driver: vfDriver, iommuGroup: 2, numaNode: 0,
            role: .virtualFunction(VirtualFunction(physicalFunction: card, index: 0)))
        return HostSnapshot(
            host: HostIdentity(name: "h", kernel: kernel), iommu: IOMMU(enabled: !isNoIOMMU, kind: nil),
            drivers: drivers,
            iommuGroups: [
                IOMMUGroup(id: 1, type: nil, functions: [card], isNoIOMMU: isNoIOMMU),
                IOMMUGroup(id: 2, type: nil, functions: [vf], isNoIOMMU: isNoIOMMU),
            ],
            functions: vfCount == 0 ? [physical] : [physical, virtual])
    }

    func request(_ settings: VFSettings = VFSettings(), numa: NUMAPolicy = .none, count: Int = 1) -> ClaimRequest {
        ClaimRequest(
            pool: Pool(name: "lane", selector: Selector(kinds: [.virtualFunction])), count: count,
            owner: .name("fw1"), numa: numa, settings: settings)
    }

    /// The code of the refusal of a claim; nil when it is granted.
    func refusal(_ settings: VFSettings = VFSettings(), _ holdings: Holdings = Holdings()) -> Refusal? {
        do throws(Refusal) {
            _ = try Placement.choose(for: request(settings), on: host, holdings: holdings)
            return nil
        } catch {
            return error
        }
    }

    /// The code of the first problem of a declaration.
    func problem(vfDriver: String? = nil, vfs: [VFDeclaration] = []) -> String? {
        let declared = PFDeclaration(
            selector: Selector(addresses: [card]), vfCount: 1, vfDriver: vfDriver, vfs: vfs)
        return DesiredState(physicalFunctions: [declared]).problems(on: host).first?.refusal.code
    }
}

@Suite("What a function cannot do is foretold")
struct InabilityTests {
    @Test("an InfiniBand VF has neither MAC address nor VLAN", arguments: [UInt32(0x020700), 0x020800])
    func infiniBand(classCode: UInt32) throws {
        var one = OneVF()
        one.identity.classCode = classCode
        one.pfClass = classCode
        #expect(one.refusal() == nil)
        #expect(one.refusal(VFSettings(trust: true))?.code == "settings-need-vf")
        let function = try #require(one.host[vf])
        #expect(one.request().settings(for: function, on: one.host.host) == VFSettings())
        let mac = VFDeclaration(range: try VFRange("0"), settings: VFSettings(trust: true))
        #expect(one.problem(vfs: [mac]) == "settings-need-ethernet")
        #expect(one.problem() == nil)
        // Its port's state does not depend on the IPoIB interface.
        #expect(try ClaimPlanner.ready(vf, as: VFSettings(), on: one.host).count == 1)
    }

    @Test("a VF of a PF that is on vfio-pci itself opens only with the PF's token")
    func token() {
        var one = OneVF()
        one.pfDriver = "vfio-pci"
        let refusal = one.refusal()
        #expect(refusal?.code == "vf-token" && refusal?.isTemporary == false)
        #expect(refusal?.message.contains("VF token") == true)
        #expect(one.problem(vfDriver: "vfio-pci") == "pf-on-vfio")
        // Somebody else's use of the VF does not hide it.
        let held = Holdings(claims: [vf: .init(id: "c1", owner: .name("b"), ownerName: "b")])
        #expect(one.refusal(VFSettings(), held)?.code == "vf-token")
    }

    @Test("nothing is handed out in no-IOMMU mode")
    func noIOMMU() {
        var one = OneVF()
        one.isNoIOMMU = true
        #expect(one.refusal()?.code == "no-iommu")
        #expect(one.problem(vfDriver: "vfio-pci") == "no-iommu")
        #expect(one.problem() == nil)
        #expect(one.host.blockers(of: one.host.iommuGroups[0]).map(\.address) == [card])
    }

    @Test(
        "vfio-pci's denylist, by kernel and parameter",
        arguments: [
            ("37c9", "6.12.0", false, true), ("37c9", "6.12.0", nil, true), ("37c9", "6.12.0", true, false),
            ("37c9", "5.4.0-1", nil, false), ("0b25", "6.12.0", false, true), ("0b25", "6.1.0", false, false),
            ("37c9", nil, false, true), ("37c9", nil, nil, false), ("10ca", "6.12.0", false, false),
        ] as [(String, String?, Bool?, Bool)])
    func denylist(device: String, kernel: String?, isOff: Bool?, denied: Bool) {
        var one = OneVF()
        one.identity = Identity(vendor: 0x8086, device: UInt16(device, radix: 16) ?? 0, classCode: 0x0b4000)
        one.kernel = kernel
        one.drivers?.denylistIsOff = isOff
        #expect(one.refusal()?.code == (denied ? "vfio-denylist" : nil))
        #expect(one.problem(vfDriver: "vfio-pci") == (denied ? "vfio-denylist" : nil))
        // One that is bound already can be used.
        one.vfDriver = "vfio-pci"
        #expect(one.refusal() == nil)
    }

    @Test("a driver for VFs that the host does not have is refused; an unknown list of drivers refuses nothing")
    func drivers() {
        var one = OneVF()
        one.vfCount = 0
        #expect(one.problem(vfDriver: "vfio-pcy") == "no-such-driver")
        #expect(one.problem(vfDriver: "vfio-pci") == nil)
        // udev loads it with the first VF.
        #expect(one.problem(vfDriver: "iavf") == nil)
        one.drivers = nil
        #expect(one.problem(vfDriver: "vfio-pcy") == nil)
    }

    @Test("what can never be is no shortage that passes")
    func impossible() {
        let one = OneVF()
        func code(_ request: ClaimRequest, _ holdings: Holdings = Holdings()) -> String? {
            do throws(Refusal) {
                _ = try Placement.choose(for: request, on: one.host, holdings: holdings)
                return nil
            } catch {
                return "\(error.code) \(error.isTemporary)"
            }
        }
        let held = Holdings(claims: [vf: .init(id: "c1", owner: .name("b"), ownerName: "b")])
        #expect(code(one.request(), held) == "no-capacity true")
        #expect(code(one.request(count: 2), held) == "pool-too-small false")
        #expect(code(one.request(numa: .required(node: 1))) == "pool-too-small-on-node false")
        #expect(code(one.request(numa: .required(node: 1)), held) == "pool-too-small-on-node false")
        #expect(code(one.request(numa: .required(node: 0)), held) == "no-capacity true")
        let stuck = Holdings(quarantine: [vf: "stuck"])
        #expect(code(one.request(), stuck) == "quarantined false")
    }
}
