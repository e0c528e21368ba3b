// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import Testing

@Suite("The diagnosis as JSON")
struct DiagnosisDocumentTests {
    @Test("has the contract's shape: a remedy that is not needed is null, not left out")
    func shape() throws {
        let host = HostSnapshot(
            host: HostIdentity(name: "kvm7"), iommu: IOMMU(enabled: true, kind: .amdVi),
            iommuGroups: [IOMMUGroup(id: 1, type: "identity", functions: [])])
        var platform = PlatformFacts(hooks: .init(folder: "/hooks"))
        platform.rivals = [.init(kind: .driverctl, file: "/d/pci-0000:3b:00.0", text: "driver override vfio-pci")]
        let document = DiagnosisDocument(Diagnosis(of: host, on: platform))
        let text = String(decoding: try JSON.encode(document, pretty: false), as: UTF8.self)
        #expect(text.hasPrefix(#"{"schemaVersion":1,"passthroughWorks":true,"findings":[{"code":"rival-driverctl""#))
        #expect(text.contains(#""remedy":"driverctl unset-override 0000:3b:00.0"}"#))
        #expect(text.contains(#"{"code":"iommu-on","severity":"ok","subject":"host","what":"AMD-Vi is on: 1 IOMMU"#))
        #expect(text.contains(#""remedy":null}"#))
        #expect(try JSON.decode(DiagnosisDocument.self, from: Array(text.utf8)) == document)
    }
}
