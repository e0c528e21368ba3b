// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel

@testable import buslane

/// Names that a test can count on, whatever pci.ids is installed.
struct FixedNames: PCINameSource {
    var device = "Ethernet Controller XXV710"
    func vendor(_ id: UInt16) -> String? { nil }
    func device(vendor: UInt16, device: UInt16) -> String? { device == 0x2030 ? "Root Port" : self.device }
    func classCode(_ code: UInt32) -> String? { nil }
}

/// A host in words.
struct HostInWords {
    var functions: [Function] = []
    var groups: [Int: [PCIAddress]] = [:]
    var nodes: [Int] = []
    var claims: [PCIAddress: String] = [:]
    var names = FixedNames()

    mutating func function(
        _ address: PCIAddress, group: Int?, driver: String? = nil, node: Int? = nil, classCode: UInt32 = 0x020000,
        parent: PCIAddress? = nil, role: Function.Role = .function, interface: String? = nil, claim: String? = nil
    ) {
        let interfaces = interface.map {
            [
                NetworkInterface(
                    name: $0, index: 1, mac: nil, state: "up", isAdministrativelyUp: true, speedMbps: 25000, mtu: 1500)
            ]
        }
        functions.append(
            Function(
                address: address,
                identity: Identity(
                    vendor: 0x8086, device: classCode == 0x060400 ? 0x2030 : 0x158b, classCode: classCode),
                driver: driver, iommuGroup: group, numaNode: node, parent: parent, role: role,
                interfaces: interfaces ?? []))
        if let group { groups[group, default: []].append(address) }
        claims[address] = claim
    }

    /// A physical function with its VFs from 16.0 on, each described by one sign: `v` on vfio-pci, `h` on iavf,
    /// `.` on none, and any other letter on vfio-pci for the claim of that name.
    mutating func pf(
        bus: UInt8, node: Int?, group: Int, totalVFs: Int = 64, vfs signs: String, interface: String? = nil,
        parent: PCIAddress? = nil, sharedVFGroup: Int? = nil
    ) throws {
        let digits = bus < 16 ? "0" + String(bus, radix: 16) : String(bus, radix: 16)
        let card = try PCIAddress("0000:\(digits):00.0")
        let addresses = try signs.indices.enumerated().map { index, _ in
            let device = String(16 + index / 8, radix: 16)
            return try PCIAddress("0000:\(digits):\(device).\(index % 8)")
        }
        function(
            card, group: group, driver: "i40e", node: node, parent: parent,
            role: .physicalFunction(
                SRIOV(totalVFs: totalVFs, vfCount: addresses.count, virtualFunctions: addresses)),
            interface: interface)
        for (index, (address, sign)) in zip(addresses, signs).enumerated() {
            let driver: String? = sign == "." ? nil : sign == "h" ? "iavf" : "vfio-pci"
            function(
                address, group: sharedVFGroup ?? group + 1 + index, driver: driver, node: node, parent: parent,
                role: .virtualFunction(VirtualFunction(physicalFunction: card, index: index)),
                claim: ".vh".contains(sign) ? nil : "c-\(sign)")
        }
    }

    var inventory: Inventory {
        let snapshot = HostSnapshot(
            host: HostIdentity(name: "kvm7", kernel: "6.12.0"), iommu: IOMMU(enabled: true, kind: .intelVTd),
            numaNodes: nodes.map {
                NUMANode(id: $0, cpus: "\($0 * 8)-\($0 * 8 + 7)", distances: [], memory: nil, hugepages: [])
            },
            iommuGroups: groups.map { IOMMUGroup(id: $0, type: "DMA-FQ", functions: $1) }, functions: functions)
        return Inventory(of: snapshot, names: names, claims: claims, capturedAt: 0)
    }

    /// A root port with a card of eight VFs on node 1, a disk beside it, and a controller that is on no node.
    static func small() throws -> HostInWords {
        var host = HostInWords()
        host.nodes = [0, 1]
        host.function(try PCIAddress("0000:00:14.0" as String), group: 1, driver: "xhci_hcd", classCode: 0x0c0330)
        let port = try PCIAddress("0000:3a:00.0" as String)
        host.function(port, group: 2, driver: "pcieport", node: 1, classCode: 0x060400)
        try host.pf(bus: 0x3b, node: 1, group: 5, vfs: "aab.vvh.", interface: "ens1f0", parent: port)
        host.function(
            try PCIAddress("0000:5e:00.0" as String), group: 20, driver: "vfio-pci", node: 1, classCode: 0x010802,
            claim: "c-b")
        return host
    }

    /// Two cards of 64 VFs on two nodes, with every use among them.
    static func large() throws -> HostInWords {
        var host = HostInWords()
        host.nodes = [0, 1]
        let signs = String(repeating: "aabb..vvhh.c.v.h", count: 4)
        try host.pf(bus: 0x17, node: 0, group: 10, vfs: signs, interface: "ens1f0")
        try host.pf(bus: 0x97, node: 1, group: 100, totalVFs: 128, vfs: signs, interface: "ens2f0")
        return host
    }

    static let owners = ["c-a": "fw1", "c-b": "router-edge", "c-c": "k8s"]
}
