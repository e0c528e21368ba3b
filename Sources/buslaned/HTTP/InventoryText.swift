// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostIO
import HostModel
import Hummingbird
import Ledger
import NIOCore
import ServiceLifecycle
import Synchronization

/// The inventory as text, made anew only when a function or a claim changed: with thousands of functions that costs more
/// than all else that an answer takes.
final class InventoryText: Sendable {
    private let host: KernelHost
    private let ledger: Ledger
    private let names = PCINames()
    private let made = Mutex<Made?>(nil)

    /// What an inventory tells of functions and groups, and what it was made from.
    private struct Made {
        let version: Int
        let claims: [PCIAddress: String]
        let uses: HostUses
        let text: ByteBuffer
    }

    init(host: KernelHost, ledger: Ledger) {
        self.host = host
        self.ledger = ledger
    }

    /// The document in pieces, with the nodes' memory as it is now: that changes without an event.
    func current() async throws -> [ByteBuffer] {
        let (claims, uses) = try await held()
        let (snapshot, version) = try host.observed()
        let head = InventoryHead(of: snapshot, numaNodes: host.reader.numaNodes(), capturedAt: Ledger.wallClock())
        if let made = made.withLock({ $0 }), made.version == version, made.claims == claims, made.uses == uses {
            return [ByteBuffer(bytes: try head.opening()), made.text]
        }
        let inventory = Inventory(
            of: snapshot, names: names, claims: claims, uses: uses, capturedAt: Ledger.wallClock())
        let text = ByteBuffer(bytes: try inventory.rest())
        made.withLock { $0 = Made(version: version, claims: claims, uses: uses, text: text) }
        return [ByteBuffer(bytes: try head.opening()), text]
    }

    /// A line for each function that changes from now on.
    func changes() -> Response {
        let watched = host.feed.watch()
        return Response(
            status: .ok, headers: .jsonLines,
            body: ResponseBody { [self] writer in
                try await writer.write(try Self.line(InventoryChange.watching(at: Ledger.wallClock())))
                for await entry in watched.cancelOnGracefulShutdown() {
                    let (claims, uses) = try await held()
                    for change in entry.changes {
                        try await writer.write(
                            try Self.line(
                                InventoryChange(
                                    change, on: entry.snapshot, names: names, claim: claims[change.address], uses: uses,
                                    at: Ledger.wallClock())))
                    }
                }
                try await writer.finish(nil)
            })
    }

    /// Who has what: by function the claim, and what else keeps it from being handed out.
    private func held() async throws -> (claims: [PCIAddress: String], uses: HostUses) {
        let holdings = try await ledger.holdings()
        var uses = host.uses()
        uses.quarantine = holdings.quarantine
        return (holdings.claims.mapValues(\.id), uses)
    }

    private static func line(_ change: InventoryChange) throws -> ByteBuffer {
        ByteBuffer(bytes: try JSON.encode(change, pretty: false) + [UInt8(ascii: "\n")])
    }
}
