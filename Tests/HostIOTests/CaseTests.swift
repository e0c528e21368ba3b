// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import Foundation
import HostIO
import HostModel
import SchemaCheck
import Testing

/// What is right for a case, besides what is right for every host: add an entry under the case's name.
///
/// A case without an entry, as in a folder that BUSLANE_CASES names, is only held to what is right for every host.
private let expectations: [String: @Sendable (FixtureTree, HostSnapshot) throws -> Void] = [
    "r01-switchdev-representors": { _, host in
        let card = try #require(host[address("0000:17:00.0")])
        #expect(card.sriov?.virtualFunctions.count == 3)
        #expect(card.interfaces.count == 5)
    },
    "r05-slit-16-two-sockets": { _, host in
        #expect(host.numaNodes.map(\.distances).first == [10, 16, 16, 16])
    },
    "r10-node-without-memory": { _, host in
        #expect(host.numaNodes.map(\.id).count > 1)
    },
    "r21-infiniband": { _, host in
        #expect(host.functions.contains { $0.identity.subclass == 0x0207 })
    },
]

@Suite("Cases as people met them")
struct CaseTests {
    @Test("the folder has cases")
    func folder() { #expect(!CaseFolder.trees.isEmpty, "no .tree in \(CaseFolder.folder.path())") }

    @Test("a case is read whole: each function, interface, group and node of its tree", arguments: CaseFolder.trees)
    func whole(name: String) throws {
        let tree = try FixtureTree(case: name)
        let host = try tree.reader.snapshot()
        let found = Contents(of: tree)
        #expect(!found.functions.isEmpty)
        #expect(host.functions.map(\.address.description) == found.functions)
        for function in host.functions {
            let place = "/sys/bus/pci/devices/\(function.address)"
            #expect(function.iommuGroup == found.target(place + "/iommu_group").flatMap { Int($0) })
            #expect(function.driver == found.target(place + "/driver"))
            if !found.has(place + "/vfio-dev") {
                #expect(function.interfaces.map(\.name).sorted() == found.names(place + "/net"))
            }
            #expect(function.identity.vendor != nil && function.identity.classCode != nil)
            #expect(try tree.reader.function(at: function.address, including: .all) == function)
        }
        let nodes = found.names("/sys/devices/system/node").filter { $0.hasPrefix("node") }
        #expect(host.numaNodes.map { "node\($0.id)" }.sorted() == nodes)
        #expect(Set(host.iommuGroups.map { String($0.id) }) == Set(found.names("/sys/kernel/iommu_groups")))
        try expectations[name]?(tree, host)
    }

    @Test("the inventory of every case is valid")
    func schema() throws {
        let documents = try CaseFolder.trees.map { try document(FixtureTree(case: $0).snapshot()) }
        let (status, lines) = try SchemaCheck.validate(documents)
        #expect(status == 0, "\(lines)")
    }
}

/// What a tree has, read without Buslane.
private struct Contents {
    private let root: String

    init(of tree: FixtureTree) { root = tree.root }

    /// Full addresses in the inventory's order: by domain, and each domain's by name.
    var functions: [String] {
        names("/sys/bus/pci/devices").sorted { ($0.count, $0) < ($1.count, $1) }
    }

    func names(_ path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: root + path)) ?? []).sorted()
    }

    func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root + path) }

    /// The last name of a link's target; nil without the link.
    func target(_ path: String) -> String? {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: root + path)).map {
            ($0 as NSString).lastPathComponent
        }
    }
}
