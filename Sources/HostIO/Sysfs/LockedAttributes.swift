// SPDX-License-Identifier: GPL-3.0-or-later
import BlockingCalls
import Dispatch
import Glibc
import HostModel
import Synchronization
import SystemPackage

/// The attributes of a function for which the kernel takes the function's lock.
///
/// Source: `driver_override_show`, drivers/pci/pci-sysfs.c; `sriov_numvfs_show` and `sriov_vf_total_msix_show`,
/// drivers/pci/iov.c.
struct LockedFacts: Hashable, Sendable {
    var driverOverride: String?
    /// Of a PF.
    var vfCount: Int?
    /// Of a PF.
    var vfTotalMSIX: Int?
    /// What could not be read, one line each.
    var warnings: [String] = []
    /// The function was removed while it was read.
    var isGone = false

    init() {}

    /// Reads them. Waits as long as another has the function's lock.
    init(of address: PCIAddress, paths: HostPaths) {
        var pass = ReadPass()
        let subject = address.description
        guard let home = try? Directory(paths.function(address)) else { return }
        do {
            driverOverride = try pass.text("driver_override", in: home, of: subject)
                .flatMap { $0.isEmpty || $0 == "(null)" ? nil : $0 }
            let total: Int?? = try? pass.read("sriov_totalvfs", in: home) { SysfsText.count($0, upTo: VFLinks.most) }
            if let total = total.flatMap(\.self), total > 0 {
                vfCount = try pass.value("sriov_numvfs", in: home, of: subject) { SysfsText.count($0, upTo: total) }
                vfTotalMSIX = try pass.value("sriov_vf_total_msix", in: home, of: subject, SysfsText.count)
            }
        } catch {
            isGone = true
        }
        warnings = pass.takeWarnings()
    }
}

/// Reads the locked attributes of functions, and does not wait long for one.
///
/// A write to a function, or the probe of a driver, holds its lock until it returns, which can be never. While one is
/// known to go on, the function's attributes are not read: the last values seen count, and a warning says so.
final class LockedAttributes: Sendable {
    fileprivate struct State {
        var seen: [PCIAddress: LockedFacts] = [:]
        /// The functions that a thread reads now, each with those who came meanwhile: it reads the function again for them.
        /// So a function that hangs holds one thread, however many ask.
        var reading: [PCIAddress: [LockedBatch]] = [:]
        /// Functions with a read that has not returned in time.
        var hanging: Set<PCIAddress> = []
        /// For each function, our own writes to it that have not returned.
        var writes: [PCIAddress: Int] = [:]

        func isHeld(_ address: PCIAddress) -> Bool { hanging.contains(address) || writes[address] != nil }
    }

    private let patience: Duration
    private let read: @Sendable (PCIAddress) -> LockedFacts
    private let state = Mutex(State())
    private let threads = BlockingThreads(limit: 48)

    /// - Parameters:
    ///   - patience: how long to wait for one function.
    ///   - read: reads a function's attributes; nil reads them from sysfs.
    init(
        paths: HostPaths, patience: Duration = .seconds(2), read: (@Sendable (PCIAddress) -> LockedFacts)? = nil
    ) {
        self.patience = patience
        self.read = read ?? { LockedFacts(of: $0, paths: paths) }
    }

    /// The attributes of each of these functions.
    func facts(of addresses: [PCIAddress]) -> [PCIAddress: LockedFacts] {
        var facts: [PCIAddress: LockedFacts] = [:]
        var left = addresses
        while true {
            let free = state.withLock { state in left.filter { !state.isHeld($0) } }
            if free.isEmpty { break }
            let batch = LockedBatch(of: free)
            start(batch)
            let stuck = batch.wait(patience)
            // Some may have returned since.
            state.withLock { state in state.hanging.formUnion(stuck.filter { state.reading[$0] != nil }) }
            let (found, rest) = batch.end
            facts.merge(found) { $1 }
            left = rest
        }
        state.withLock { state in
            state.seen.merge(facts) { $1 }
            for address in addresses where facts[address] == nil { facts[address] = state.lastSeen(of: address) }
        }
        return facts
    }

    /// Forgets what was seen of functions that are gone.
    func keep(only addresses: [PCIAddress]) {
        let there = Set(addresses)
        state.withLock { state in state.seen = state.seen.filter { there.contains($0.key) } }
    }

    /// Runs a write to these functions. Until it returns nobody reads their locked attributes.
    func writing<Value, Failure: Error>(
        to functions: Set<PCIAddress>, _ work: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        state.withLock { state in for function in functions { state.writes[function, default: 0] += 1 } }
        defer {
            state.withLock { state in
                for function in functions {
                    let left = (state.writes[function] ?? 1) - 1
                    state.writes[function] = left > 0 ? left : nil
                }
            }
        }
        return try work()
    }

    private func start(_ batch: LockedBatch) {
        for _ in 0..<batch.width {
            threads.start { [self] in
                while let address = batch.next() { read(address, for: batch) }
            }
        }
    }

    private func read(_ address: PCIAddress, for batch: LockedBatch) {
        let isBusy = state.withLock { state in
            let isBusy = state.reading[address] != nil
            state.reading[address, default: []] += isBusy ? [batch] : []
            return isBusy
        }
        var asking = isBusy ? [] : [batch]
        while !asking.isEmpty {
            let facts = read(address)
            asking = state.withLock { state in
                state.hanging.remove(address)
                let others = state.reading[address] ?? []
                state.reading[address] = others.isEmpty ? nil : []
                for batch in asking { batch.finish(address, facts) }
                return others
            }
        }
    }
}

extension LockedAttributes.State {
    /// With a warning that the values are old or unknown.
    fileprivate func lastSeen(of address: PCIAddress) -> LockedFacts {
        var facts = seen[address] ?? LockedFacts()
        let values = "its driver override and VF count are \(seen[address] == nil ? "unknown" : "those last seen")"
        facts.warnings = [
            "\(address): a write to it, or a driver's probe of it, has not returned (check dmesg): \(values)"
        ]
        return facts
    }
}

/// Functions that some threads read side by side, and one waits for.
private final class LockedBatch: Sendable {
    private struct State {
        var begun = 0
        var reading: Set<PCIAddress> = []
        var facts: [PCIAddress: LockedFacts] = [:]
        var isAbandoned = false
    }

    private static let cores = max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN))))

    private let addresses: [PCIAddress]
    private let state = Mutex(State())
    private let isDone = DispatchSemaphore(value: 0)

    init(of addresses: [PCIAddress]) { self.addresses = addresses }

    /// How many threads are worth it.
    var width: Int { min(Self.cores, (addresses.count + 63) / 64) }

    /// The next function to read; nil when there is none, or nobody waits any more.
    func next() -> PCIAddress? {
        state.withLock { state in
            guard !state.isAbandoned, state.begun < addresses.count else { return nil }
            defer { state.begun += 1 }
            state.reading.insert(addresses[state.begun])
            return addresses[state.begun]
        }
    }

    func finish(_ address: PCIAddress, _ facts: LockedFacts) {
        let isLast = state.withLock { state in
            state.reading.remove(address)
            state.facts[address] = facts
            return state.facts.count == addresses.count
        }
        if isLast { isDone.signal() }
    }

    /// Waits until all functions are read, or none was during this time.
    ///
    /// - Returns: the functions whose reads have not returned.
    func wait(_ patience: Duration) -> Set<PCIAddress> {
        var (progress, turns) = (0, 0)
        while isDone.wait(timeout: DispatchTime(after: patience)) == .timedOut {
            let isOver = state.withLock { state in
                guard state.facts.count == progress else {
                    progress = state.facts.count
                    return false
                }
                turns += 1
                // A thread that has not begun yet is slow, not stuck; unless all threads are stuck.
                if state.reading.isEmpty, turns < Self.mostTurns { return false }
                state.isAbandoned = true
                if state.reading.isEmpty { state.begun = addresses.count }
                return true
            }
            if isOver { return state.withLock(\.reading) }
        }
        return []
    }

    /// How often to wait for a first thread.
    private static let mostTurns = 5

    /// What was read, and the functions that were not begun.
    var end: (facts: [PCIAddress: LockedFacts], rest: [PCIAddress]) {
        state.withLock { ($0.facts, Array(addresses[$0.begun...])) }
    }
}
