// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel
import Synchronization

/// The host as it is, held in memory and kept so by its events.
///
/// What an event costs depends on what changed, not on the host's size: the function is read again, with its card when
/// VFs come or go. Some attributes change without an event (`driver_override`, MSI-X counts written by others): for
/// those, and for events that were lost, there is ``rescan()``.
///
/// Can be asked from any thread. A question waits for no read of the host.
public final class HostFollower: Sendable {
    private let reader: SysfsReader
    private let state: Mutex<State>
    /// Held while the host is read and what was read is put in: a slow reading must not undo a later one.
    private let turn: Mutex<Void> = Mutex(())

    private struct State {
        var snapshot: HostSnapshot
        var version = 1
        /// By index, whose function made the interface.
        var interfaces: [Int: PCIAddress]
        var catalog: VFIOCatalog
    }

    /// Reads the host. To miss nothing, begin to listen for its events before.
    public init(reader: SysfsReader) throws(HostIOError) {
        self.reader = reader
        let snapshot = try reader.snapshot()
        state = Mutex(
            State(
                snapshot: snapshot, interfaces: Self.interfaces(of: snapshot.functions),
                catalog: reader.vfioCatalog()))
    }

    /// The host now, and a number that grows whenever a function changes.
    public var current: (snapshot: HostSnapshot, version: Int) { state.withLock { ($0.snapshot, $0.version) } }

    /// The same, with an index of these selectors' functions, which is kept up to date from then on.
    public func current(indexedBy selectors: some Collection<Selector>) -> HostSnapshot {
        state.withLock { state in
            for selector in selectors { state.snapshot.index(by: selector) }
            return state.snapshot
        }
    }

    /// Reads again what the events are about.
    ///
    /// - Parameter written: what something was written to, which not every event tells of.
    /// - Returns: what is different from before.
    public func follow(
        _ events: [HostEvent], written: Set<PCIAddress> = []
    ) throws(HostIOError) -> [FunctionChange] {
        if events.contains(.overrun) { return try rescan() }
        var touched = Touched(functions: written, cards: written)
        state.withLock { state in
            for event in events { touched.add(event, known: state.snapshot, interfaces: state.interfaces) }
        }
        return refresh(touched)
    }

    /// Reads functions again, and what cards among them enforce for their VFs: after something was written to them.
    @discardableResult
    public func refresh(_ addresses: some Sequence<PCIAddress>) -> [FunctionChange] {
        let addresses = Set(addresses)
        return refresh(Touched(functions: addresses, cards: addresses))
    }

    /// Reads everything again.
    public func rescan() throws(HostIOError) -> [FunctionChange] {
        let reader = reader
        let outcome: Result<[FunctionChange], HostIOError> = turn.withLock { _ in
            do throws(HostIOError) {
                let snapshot = try reader.snapshot()
                let catalog = reader.vfioCatalog()
                return .success(
                    state.withLock { state in
                        let changes = state.snapshot.changes(to: snapshot)
                        if state.snapshot != snapshot { state.version += 1 }
                        state.snapshot = snapshot
                        state.interfaces = Self.interfaces(of: snapshot.functions)
                        state.catalog = catalog
                        return changes
                    })
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    private func refresh(_ touched: Touched) -> [FunctionChange] {
        guard !touched.functions.isEmpty else { return [] }
        return turn.withLock { _ in
            let (known, catalog) = state.withLock { ($0.snapshot, $0.catalog) }
            let reading = reader.functions(
                at: touched.functions, settingsOf: touched.cards, known: known, catalog: catalog)
            return state.withLock { state in
                let warned = state.snapshot.warnings
                let changes = state.snapshot.update(
                    reading.functions, warnings: reading.warnings, group: reader.iommuGroup)
                if !changes.isEmpty || state.snapshot.warnings != warned { state.version += 1 }
                for change in changes {
                    for interface in change.before?.interfaces ?? [] { state.interfaces[interface.index] = nil }
                    for interface in change.after?.interfaces ?? [] {
                        state.interfaces[interface.index] = change.address
                    }
                }
                return changes
            }
        }
    }

    private static func interfaces(of functions: [Function]) -> [Int: PCIAddress] {
        Dictionary(
            functions.flatMap { function in function.interfaces.map { ($0.index, function.address) } },
            uniquingKeysWith: { first, _ in first })
    }
}

/// What a batch of events is about.
private struct Touched {
    /// To be read again.
    var functions: Set<PCIAddress> = []
    /// Those among them whose VFs' settings are to be asked for again.
    var cards: Set<PCIAddress> = []

    mutating func add(_ event: HostEvent, known: HostSnapshot, interfaces: [Int: PCIAddress]) {
        // An interface without a function is of no card, or its function's own event will tell of it.
        guard let address = event.interfaceIndex.map({ interfaces[$0] }) ?? event.address else { return }
        functions.insert(address)
        // What changed may be what the card enforces for its VFs.
        if event.subsystem == HostEvent.net { cards.insert(address) }
        // A VF that goes leaves its card with one link less.
        if event.action == "remove", let owner = known[address]?.virtualFunction?.physicalFunction {
            functions.insert(owner)
        }
    }
}
