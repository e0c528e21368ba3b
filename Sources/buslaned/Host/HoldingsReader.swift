// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

/// Puts together who holds what: the ledger's claims and quarantine, the IOMMU groups that processes have open, the
/// disks and device files that the host uses, the devices that domains have from elsewhere, and the functions kept for waiting requests.
///
/// The only place that does so. A caller names a purpose and gets everything that matters for it.
struct HoldingsReader: Sendable {
    let host: any Host
    let ledger: Ledger
    let guests: SeenDomains
    let queue: AllocationQueue

    /// The use that the holdings are read for.
    enum Purpose: Sendable {
        /// To change PFs and functions: `plan`, `apply`, drift, `recover`. Keeps nothing for waiting requests, because
        /// a plan assigns no functions.
        case planning
        /// To choose functions for a request that is queued behind these.
        case placing(behind: [Waiter])
        /// To choose functions for a request that is not queued yet: behind all requests that wait now.
        case placingNow
        /// To choose functions for a guest that starts: it goes before all who wait.
        case starting
    }

    /// Who uses functions according to the host and libvirt, read at one moment. The ledger's part is added to it.
    ///
    /// Read before a ledger transaction begins: reading the process table takes longer than the transaction.
    struct Uses: Sendable {
        fileprivate let host: any Host
        fileprivate let openGroups: [Int: ProcessHolder]
        fileprivate let guests: SeenDomains
        fileprivate let running: Set<String>
        fileprivate let earlier: [Waiter]
    }

    /// - Throws: when the process table cannot be read.
    func uses(for purpose: Purpose) async throws -> Uses {
        let earlier: [Waiter] =
            switch purpose {
            case .planning, .starting: []
            case .placing(let earlier): try await limited(earlier)
            case .placingNow: try await limited(await queue.waiters)
            }
        _ = try host.lastSeen()
        return Uses(
            host: host.inMemory, openGroups: try host.openGroups(), guests: guests, running: guests.running ?? [],
            earlier: earlier)
    }

    /// What each of those who wait could have now, from one look at the host for all of them.
    func prospects(of waiters: [Waiter]) async throws -> [WaitingReview.Prospect] {
        let (held, uses) = try await parts(for: .starting)
        return try uses.joined(with: held).prospects(of: try await limited(waiters))
    }

    /// The same, and nothing is kept for those that their quota would refuse.
    private func limited(_ waiters: [Waiter]) async throws -> [Waiter] {
        waiters.isEmpty ? [] : try await ledger.judging { try waiters.limited(by: $0) }
    }

    /// Everything that matters for the purpose, read now.
    ///
    /// - Parameter suspects: functions whose disks are opened, to find exclusive users that no file of the kernel names.
    func holdings(for purpose: Purpose, opening suspects: Set<PCIAddress> = []) async throws -> Holdings {
        let (held, uses) = try await parts(for: purpose)
        var holdings = try uses.joined(with: held).withHostUses()
        holdings.addExclusiveUses(of: suspects, on: host)
        return holdings
    }

    /// The ledger's part and the rest.
    ///
    /// - Parameter leaving: claims to leave out, because they end before the holdings are used.
    func parts(for purpose: Purpose, leaving: [Claim] = []) async throws -> (held: Holdings, uses: Uses) {
        let uses = try await uses(for: purpose)
        var held = try await ledger.holdings()
        for assignment in leaving.flatMap(\.assignments) { held.claims[assignment.address] = nil }
        return (held, uses)
    }

    /// What was applied to some PFs, with everything that planning must respect there.
    ///
    /// - Parameter cards: PFs, and non-SR-IOV functions that are claimed; nil for all.
    func made(of cards: Set<PCIAddress>?) async throws -> Made {
        var made = try await ledger.made(of: cards)
        if made.declared.isEmpty && made.claims.isEmpty { return made }
        made.holdings = try await uses(for: .planning).joined(with: made.holdings).withHostUses()
        return made
    }

    /// The ledger's part only, without reading the host. Enough to notice a difference, but not to act on it.
    func madeForNoticing(of cards: Set<PCIAddress>?) async throws -> Made { try await ledger.made(of: cards) }
}

extension HoldingsReader.Uses {
    /// The whole picture but for the host's own uses.
    ///
    /// - Parameter held: the ledger's part, as its transaction sees it.
    func joined(with held: Holdings) throws -> HoldingsWithoutHostUses {
        var holdings = held
        holdings.openGroups = openGroups
        // As it is now: a domain can have begun to start since the rest was read.
        holdings.foreign = guests.users
        holdings.running = running
        if !earlier.isEmpty {
            var review = WaitingReview(on: try host.lastSeen(indexedBy: earlier.selectors), holdings)
            for waiter in earlier { review.prospect(of: waiter) }
            holdings.awaited = review.holdings.awaited
        }
        return HoldingsWithoutHostUses(host: host, holdings: holdings)
    }
}

extension [Waiter] {
    fileprivate var selectors: [Selector] { flatMap(\.requests).map(\.pool.selector) }
}

/// Holdings without the uses that the host's own drivers make possible, disks and open device files, so that nobody uses
/// them as if they were complete by accident.
///
/// A function that no host driver has is without such uses. Reading mounts and the open files of all processes costs more
/// than a claim of a VF, so it is done only when a function with a host driver comes into question.
struct HoldingsWithoutHostUses: Sendable {
    fileprivate let host: any Host
    fileprivate let holdings: Holdings

    func withHostUses() throws -> Holdings {
        var complete = holdings
        complete.disks = host.disksInUse()
        complete.devices = try host.devicesInUse()
        return complete
    }

    fileprivate func prospects(of waiters: [Waiter]) throws -> [WaitingReview.Prospect] {
        let seen = try host.lastSeen(indexedBy: waiters.selectors)
        var review = WaitingReview(on: seen, holdings)
        let prospects = waiters.map { review.prospect(of: $0) }
        guard review.countsOnHostDrivers else { return prospects }
        var complete = WaitingReview(on: seen, try withHostUses())
        return waiters.map { complete.prospect(of: $0) }
    }

    /// For functions that are on VFIO or have no driver.
    ///
    /// The last word on a disk is whether the kernel lets us have it exclusively. Only the disks of chosen functions are
    /// asked for, because that opens them.
    ///
    /// - Parameter choose: is called with incomplete holdings first, and again with complete ones when it returns nil
    ///   or a function that has a host driver; once more whenever a disk of its choice is in use after all.
    func choosing(_ choose: (Holdings) throws -> [[Placement.Placed]]) throws -> [[Placement.Placed]] {
        if let placed = try? choose(holdings), placed.joined().allSatisfy({ !$0.function.isOnHostDriver }) {
            return placed
        }
        var complete = try withHostUses()
        while true {
            let placed = try choose(complete)
            let taken = placed.joined().map(\.function).filter(\.isOnHostDriver).map(\.address)
            if !complete.addExclusiveUses(of: Set(taken), on: host) { return placed }
        }
    }
}

extension Holdings {
    /// Adds the disks of some functions that somebody has exclusively.
    ///
    /// - Returns: whether a function is in use that was not before.
    @discardableResult
    fileprivate mutating func addExclusiveUses(of functions: Set<PCIAddress>, on host: any Host) -> Bool {
        let asked = functions.filter { disks[$0] == nil }
        if asked.isEmpty { return false }
        let found = host.disksInExclusiveUse(of: asked).filter { asked.contains($0.key) }
        disks.merge(found) { $0 + $1 }
        return !found.isEmpty
    }
}
