// SPDX-License-Identifier: GPL-3.0-or-later
import Testing

@testable import Ledger

@Suite("Devices on their way")
struct DeviceChangeTests {
    @Test("a change outlives the process, a later one takes its place, and each domain has its own")
    func changes() async throws {
        let file = TemporaryFile()
        let other = DeviceChange(domain: "u2", domainName: "fw2", device: "data0", kind: .detaching)
        do {
            let ledger = try Ledger(path: file.path)
            try await ledger.begin([DeviceChange(domain: "u1", domainName: "fw1", device: "data0", kind: .evicting)])
            try await ledger.begin([other])
            try await ledger.begin([DeviceChange(domain: "u1", domainName: "fw1", device: "data0", kind: .evicted)])
        }
        let ledger = try Ledger(path: file.path)
        #expect(try await ledger.deviceChanges(ofDomain: "u1").map(\.kind) == [.evicted])
        #expect(try await ledger.deviceChanges().count == 2)
        try await ledger.end(changesOf: ["data0", "data1"], in: "u1")
        #expect(try await ledger.deviceChanges() == [other])
    }
}
