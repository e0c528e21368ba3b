// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import TemporaryFiles
import Testing

@testable import Ledger

@Suite("Changes of a running domain's devices")
struct DeviceChangeTests {
    @Test("a change survives the process, a later one replaces it, and domains are independent")
    func changes() async throws {
        let folder = TemporaryFolder()
        let other = DeviceChange(domain: "u2", domainName: "fw2", device: "data0", kind: .detaching)
        do {
            let ledger = try Ledger(path: folder.ledger)
            try await ledger.begin([DeviceChange(domain: "u1", domainName: "fw1", device: "data0", kind: .evicting)])
            try await ledger.begin([other])
            try await ledger.begin([DeviceChange(domain: "u1", domainName: "fw1", device: "data0", kind: .evicted)])
        }
        let ledger = try Ledger(path: folder.ledger)
        #expect(try await ledger.deviceChanges(ofDomain: "u1").map(\.kind) == [.evicted])
        #expect(try await ledger.deviceChanges().count == 2)
        try await ledger.end(changesOf: ["data0", "data1"], in: "u1")
        #expect(try await ledger.deviceChanges() == [other])
    }
}
