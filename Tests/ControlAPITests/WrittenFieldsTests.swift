// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HostModel
import HostSimulator
import Testing
import Wire

@testable import ControlAPI

private struct NoNames: PCINameSource {
    func vendor(_ id: UInt16) -> String? { nil }
    func device(vendor: UInt16, device: UInt16) -> String? { nil }
    func classCode(_ code: UInt32) -> String? { nil }
}

@Suite("Values that write themselves as JSON")
struct WrittenFieldsTests {
    @Test("write all of their fields")
    func complete() throws {
        let function = Function(
            address: "0000:3b:10.0", identity: Identity(vendor: 0x8086, device: 0x154c, classCode: 0x020000),
            iommuGroup: 5, link: PCIeLink(speedGTs: 8, width: 8, maxSpeedGTs: 16, maxWidth: 8),
            role: .virtualFunction(VirtualFunction(physicalFunction: "0000:3b:00.0", index: 0)),
            interfaces: [NetworkInterface(name: "eth0", index: 3, mac: nil, state: "up", isAdministrativelyUp: true)],
            capabilities: Capabilities(portType: .endpoint, extended: Capabilities.Extended()))
        let host = HostSnapshot(
            host: HostIdentity(name: "kvm7"), iommu: IOMMU(enabled: true, kind: nil),
            iommuGroups: [IOMMUGroup(id: 5, type: "DMA", functions: [function.address])], functions: [function])
        var seen: Set<String> = []
        try check(Inventory(of: host, names: NoNames(), capturedAt: 0), &seen)
        #expect(
            seen == [
                "ACS", "ACSPath", "Capabilities", "FunctionDocument", "Group", "Interface", "Link", "Named", "Place",
                "Subsystem",
            ])
    }

    /// Compares the fields of a value, and of all values in it, with what is written of them.
    private func check(_ value: Any, _ seen: inout Set<String>) throws {
        let mirror = Mirror(reflecting: value)
        if mirror.displayStyle == .struct, let written = value as? any JSONWritable {
            let parsed = try JSONSerialization.jsonObject(with: Data(JSON.encode(written)))
            // A property wrapper's storage has an underscore before its name.
            let fields = mirror.children.compactMap(\.label).map { $0.hasPrefix("_") ? String($0.dropFirst()) : $0 }
            #expect(Set(try #require(parsed as? [String: Any]).keys) == Set(fields))
            seen.insert("\(type(of: value))")
        }
        for child in mirror.children { try check(child.value, &seen) }
    }
}
