// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostIO
import HostModel
import Hummingbird
import Ledger
import NIOCore
import ServiceLifecycle
import Synchronization

/// The inventory and its changes.
struct InventoryRoutes: RouteGroup {
    let inventory: InventoryText
    /// Shared by all who ask for the inventory at the same time.
    private let texts: SharedLook<[ByteBuffer]>

    init(inventory: InventoryText) {
        self.inventory = inventory
        texts = SharedLook { try await inventory.current() }
    }

    func add(to router: Router<PeerContext>) {
        router.get(RouterPath(Route.inventory)) { _, _ in
            Response(status: .ok, headers: .json, body: ResponseBody(contentsOf: try await texts.now()))
        }
        router.get(RouterPath(Route.inventoryChanges)) { _, context in
            try context.share?.become(.stream)
            return inventory.changes(to: context)
        }
    }
}

/// The inventory as text. It is generated again only after a change of a function or claim: with thousands of
/// functions, generating the text takes longer than everything else.
final class InventoryText: Sendable {
    private let host: KernelHost
    private let ledger: Ledger
    private let threads: WorkThreads
    private let names = PCINames()
    private let made = Mutex<Made?>(nil)

    /// The text about functions and groups, with the inputs that it was generated from.
    private struct Made {
        let version: Int
        let claims: [PCIAddress: String]
        let uses: HostUses
        let text: ByteBuffer
    }

    init(host: KernelHost, ledger: Ledger, threads: WorkThreads) {
        (self.host, self.ledger, self.threads) = (host, ledger, threads)
    }

    /// The document in pieces. The memory of the NUMA nodes is read each time, because its changes cause no event.
    func current() async throws -> [ByteBuffer] {
        let (claims, uses) = try await held(askingKernel: true)
        let (snapshot, version) = try host.observed()
        let head = InventoryHead(of: snapshot, numaNodes: host.reader.numaNodes(), capturedAt: Ledger.wallClock())
        if let made = made.withLock({ $0 }), made.version == version, made.claims == claims, made.uses == uses {
            return [ByteBuffer(bytes: try head.opening()), made.text]
        }
        let body = InventoryBody(of: snapshot, names: names, claims: claims, uses: uses)
        let text = ByteBuffer(bytes: try body.text())
        made.withLock { $0 = Made(version: version, claims: claims, uses: uses, text: text) }
        return [ByteBuffer(bytes: try head.opening()), text]
    }

    /// One line for each change of a function from now on.
    func changes(to context: PeerContext) -> Response {
        let watched = host.feed.watch()
        return Response(for: context) { [self] output in
            try await output.write(InventoryChange.watching(at: Ledger.wallClock()))
            for await entry in watched.cancelOnGracefulShutdown() {
                // Others look at a disk that has just appeared, and must not find it busy.
                let (claims, uses) = try await withTaskExecutorPreference(threads.services) {
                    try await held(askingKernel: false)
                }
                for change in entry.changes {
                    try await output.write(
                        InventoryChange(
                            change, on: entry.snapshot, names: names, claim: claims[change.address], uses: uses,
                            at: Ledger.wallClock()))
                }
            }
        }
    }

    /// The claim of each function, and other uses.
    private func held(askingKernel asksKernel: Bool) async throws -> (claims: [PCIAddress: String], uses: HostUses) {
        let holdings = try await ledger.holdings()
        var uses = host.uses(askingKernel: asksKernel)
        uses.quarantine = holdings.quarantine
        return (holdings.claims.mapValues(\.id), uses)
    }
}
