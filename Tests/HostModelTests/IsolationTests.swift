// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

/// A function of a described host.
private func member(
    _ address: PCIAddress, below parent: PCIAddress? = nil, group: Int = 1, _ capabilities: Capabilities?,
    isBridge: Bool = false
) -> Function {
    Function(
        address: address,
        identity: Identity(vendor: 0x8086, device: 1, classCode: isBridge ? 0x060400 : 0x020000),
        iommuGroup: group, parent: parent, capabilities: capabilities)
}

private func port(
    _ address: PCIAddress, below parent: PCIAddress? = nil, group: Int = 1, _ kind: Capabilities.PortType?,
    multi: Bool = false, acs: ACS? = nil
) -> Function {
    member(
        address, below: parent, group: group,
        Capabilities(isMultiFunction: multi, portType: kind, extended: .init(acs: acs)), isBridge: true)
}

private let endpoint = Capabilities(portType: .endpoint, extended: .init())
private let multi = Capabilities(isMultiFunction: true, portType: .endpoint, extended: .init())
private let allOn = ACS(supported: .isolating, enabled: .isolating)

private func host(_ functions: [Function]) -> HostSnapshot {
    let groups = Dictionary(grouping: functions) { $0.iommuGroup ?? 0 }.map { id, members in
        IOMMUGroup(id: id, type: nil, functions: members.map(\.address).sorted())
    }
    return HostSnapshot(
        host: HostIdentity(name: "kvm7"), iommu: IOMMU(enabled: true, kind: .intelVTd), iommuGroups: groups,
        functions: functions)
}

private func reason(_ functions: [Function]) -> String? {
    let host = host(functions)
    return host.group(1)?.reason(on: host)?.description
}

@Suite("Why a group has more than one function")
struct SharedGroupTests {
    @Test("a group of one function needs no explanation")
    func alone() {
        #expect(
            reason([port("0000:00:1c.0", group: 2, .rootPort), member("0000:02:00.0", below: "0000:00:1c.0", endpoint)])
                == nil)
    }

    @Test("old cards behind a bridge to conventional PCI")
    func bridge() {
        let cards = [
            member("0000:03:01.0", below: "0000:02:00.0", Capabilities(extended: .init())),
            member("0000:03:02.0", below: "0000:02:00.0", Capabilities(extended: .init())),
        ]
        #expect(
            reason([port("0000:02:00.0", .pcieToPCIBridge)] + cards)
                == "behind the PCIe-to-PCI bridge 0000:02:00.0")
        #expect(reason([port("0000:02:00.0", nil)] + cards) == "behind the conventional PCI bridge 0000:02:00.0")
    }

    @Test("a root port without ACS, or with some controls off")
    func rootPort() {
        let card = member("0000:02:00.0", below: "0000:00:1c.0", endpoint)
        #expect(reason([port("0000:00:1c.0", .rootPort), card]) == "root port 0000:00:1c.0 lacks ACS")
        let half = ACS(supported: .isolating, enabled: [.sourceValidation, .upstreamForwarding])
        #expect(
            reason([port("0000:00:1c.0", .rootPort, acs: half), card])
                == "root port 0000:00:1c.0 has ACS controls off: request-redirect, completion-redirect")
    }

    @Test("two root ports of one device, and the cards below them")
    func rootPorts() {
        #expect(
            reason([
                port("0000:00:1c.0", .rootPort, multi: true), port("0000:00:1c.4", .rootPort, multi: true),
                member("0000:02:00.0", below: "0000:00:1c.0", endpoint),
                member("0000:03:00.0", below: "0000:00:1c.4", endpoint),
            ]) == "root port 0000:00:1c.0 lacks ACS; root port 0000:00:1c.4 lacks ACS")
    }

    @Test("a switch below a root port that isolates: its downstream port is the reason; else the root port is")
    func switches() {
        func tree(rootGroup: Int, rootACS: ACS?) -> [Function] {
            [
                port("0000:00:1c.0", group: rootGroup, .rootPort, acs: rootACS),
                port("0000:02:00.0", below: "0000:00:1c.0", group: rootGroup, .upstreamPort),
                port("0000:03:01.0", below: "0000:02:00.0", .downstreamPort),
                member("0000:04:00.0", below: "0000:03:01.0", endpoint),
            ]
        }
        #expect(reason(tree(rootGroup: 2, rootACS: allOn)) == "downstream port 0000:03:01.0 lacks ACS")
        #expect(reason(tree(rootGroup: 1, rootACS: nil)) == "root port 0000:00:1c.0 lacks ACS")
    }

    @Test("the functions of one device")
    func oneDevice() {
        #expect(
            reason([member("0000:03:00.0", multi), member("0000:03:00.1", multi)])
                == "functions of one multi-function device without ACS")
        #expect(
            reason([member("0000:03:00.0", nil), member("0000:03:00.1", nil)])?.hasPrefix("functions of one device (")
                == true)
        #expect(
            reason([member("0000:03:00.0", endpoint), member("0000:03:00.1", multi)])
                == "functions of one device, which its PCI capabilities do not explain")
    }

    @Test("an unreadable capability is reported, never guessed")
    func unreadable() {
        #expect(
            reason([
                member("0000:00:1c.0", nil, isBridge: true), member("0000:02:00.0", below: "0000:00:1c.0", nil),
            ])
                == "below 0000:00:1c.0 (PCI capabilities of it not readable: run as root to see why)")
        #expect(
            reason([member("0000:03:00.0", endpoint), member("0000:04:00.0", endpoint)])
                == "the kernel cannot tell them apart, and their PCI capabilities do not show why")
    }
}

@Suite("Access control up to the root")
struct ACSPathTests {
    @Test("complete, with a gap, or unknown")
    func paths() throws {
        let host = host([
            port("0000:00:1c.0", .rootPort, acs: allOn), port("0000:00:1d.0", .rootPort),
            member("0000:00:1e.0", nil, isBridge: true),
            member("0000:02:00.0", below: "0000:00:1c.0", endpoint),
            member("0000:02:00.1", below: "0000:00:1c.0", multi),
            member("0000:03:00.0", below: "0000:00:1d.0", endpoint),
            member("0000:04:00.0", below: "0000:00:1e.0", endpoint),
        ])
        func path(_ address: PCIAddress) throws -> ACSPath { host.acsPath(of: try #require(host[address])) }
        #expect(try path("0000:02:00.0").isComplete == true)
        #expect(try path("0000:02:00.1").gaps == ["0000:02:00.1"])
        #expect(try path("0000:03:00.0").gaps == ["0000:00:1d.0"])
        #expect(try path("0000:04:00.0").isComplete == nil)
        #expect(try path("0000:04:00.0").unknown == ["0000:00:1e.0"])
    }

    @Test("a cycle in the device tree ends the search")
    func loop() throws {
        let host = host([
            member("0000:02:00.0", below: "0000:03:00.0", endpoint),
            member("0000:03:00.0", below: "0000:02:00.0", endpoint),
        ])
        #expect(host.ancestors(of: "0000:02:00.0").map(\.address) == ["0000:03:00.0"])
        #expect(host.group(1)?.reason(on: host) != nil)
    }
}
