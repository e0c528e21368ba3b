// SPDX-License-Identifier: GPL-3.0-or-later

/// A review of requests that wait, in their order: what each could have of what is left by those before it.
public struct WaitingReview {
    private let host: HostSnapshot
    /// With the functions that are kept for the requests so far.
    public private(set) var holdings: Holdings
    /// Whether a function with a host driver is kept. The holdings then have to include the host's own uses.
    public private(set) var countsOnHostDrivers = false

    public enum Prospect: Hashable, Sendable {
        /// Enough is free.
        case ready
        /// Others' uses have to end first.
        case waits(Refusal, keepsFunctions: Bool)
        /// Waiting does not help.
        case hopeless(Refusal)
    }

    public init(on host: HostSnapshot, _ holdings: Holdings) {
        self.host = host
        self.holdings = holdings
    }

    /// What the next one could have. From then on it is kept from those that follow.
    @discardableResult
    public mutating func prospect(of waiter: Waiter) -> Prospect {
        if let refusal = waiter.quotaRefusal { return .hopeless(refusal) }
        do throws(Refusal) {
            let placed = try Placement.place(waiter.requests, on: host, holdings: holdings)
            keep(placed.joined().map(\.function.address), for: waiter)
            return .ready
        } catch  where error.isTemporary {
            var wanted: Set<PCIAddress> = []
            for request in waiter.requests where waiter.keepsFunctions {
                wanted.formUnion(Placement.wanted(by: request, on: host, holdings: holdings))
            }
            keep(wanted, for: waiter)
            return .waits(error, keepsFunctions: !wanted.isEmpty)
        } catch {
            return .hopeless(error)
        }
    }

    private mutating func keep(_ functions: some Sequence<PCIAddress>, for waiter: Waiter) {
        guard waiter.keepsFunctions else { return }
        holdings.awaited.keep(functions, for: waiter.caller)
        if !countsOnHostDrivers { countsOnHostDrivers = functions.contains { host[$0]?.isOnHostDriver == true } }
    }
}
