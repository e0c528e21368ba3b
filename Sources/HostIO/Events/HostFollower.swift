// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel
import Synchronization

/// A snapshot of the host in memory that its events keep up to date.
///
/// The cost of an event depends on what changed, not on the size of the host: the function is read again, and its PF
/// when VFs come or go. Some attributes change without an event (`driver_override`, or MSI-X counts that others write):
/// for those, and after lost events, call ``rescan()``.
///
/// Can be used from any thread. ``current`` never waits until the host was read.
public final class HostFollower: Sendable {
    private let reader: SysfsReader
    private let state: Mutex<State>
    /// Held while the host is read and the result is stored: a slow reading must not overwrite a later one.
    private let turn: Mutex<Void> = Mutex(())

    private struct State {
        var snapshot: HostSnapshot
        var version = 1
        /// The function of each interface, by index.
        var interfaces: [Int: PCIAddress]
        var catalog: VFIOCatalog
    }

    /// Reads the host. Create the monitor of its events first, so that no change is missed.
    public init(reader: SysfsReader) throws(HostIOError) {
        self.reader = reader
        let snapshot = try reader.snapshot()
        state = Mutex(
            State(
                snapshot: snapshot, interfaces: Self.interfaces(of: snapshot.functions),
                catalog: VFIOCatalog(below: reader.paths)))
    }

    /// The present snapshot, and a number that grows with every change of a function.
    public var current: (snapshot: HostSnapshot, version: Int) { state.withLock { ($0.snapshot, $0.version) } }

    /// The present snapshot, with an index of the functions of these selectors. Later snapshots keep the index.
    public func current(indexedBy selectors: some Collection<Selector>) -> HostSnapshot {
        state.withLock { state in
            for selector in selectors { state.snapshot.index(by: selector) }
            return state.snapshot
        }
    }

    /// Reads the functions of these events again.
    ///
    /// - Parameter written: functions that were written to. Not every write causes an event.
    /// - Returns: the functions that changed.
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

    /// Reads functions again after a write to them. For PFs among them, this includes the settings of their VFs.
    @discardableResult
    public func refresh(_ addresses: some Sequence<PCIAddress>) -> [FunctionChange] {
        let addresses = Set(addresses)
        return refresh(Touched(functions: addresses, cards: addresses))
    }

    /// Reads the whole host again.
    public func rescan() throws(HostIOError) -> [FunctionChange] {
        let reader = reader
        let outcome: Result<[FunctionChange], HostIOError> = turn.withLock { _ in
            do throws(HostIOError) {
                let snapshot = try reader.snapshot()
                let catalog = VFIOCatalog(below: reader.paths)
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
            let reading = ChangeReader(
                paths: reader.paths, known: known, catalog: catalog, attributes: reader.attributes
            )
            .functions(at: touched.functions, settingsOf: touched.cards)
            return state.withLock { state in
                let warned = state.snapshot.warnings
                let changes = state.snapshot.update(
                    reading.functions, warnings: reading.warnings, group: IOMMUReader(paths: reader.paths).group)
                if !changes.isEmpty || state.snapshot.warnings != warned { state.version += 1 }
                for change in changes {
                    for index in (change.before?.interfaces ?? []).compactMap(\.index) { state.interfaces[index] = nil }
                    for index in (change.after?.interfaces ?? []).compactMap(\.index) {
                        state.interfaces[index] = change.address
                    }
                }
                return changes
            }
        }
    }

    private static func interfaces(of functions: [Function]) -> [Int: PCIAddress] {
        Dictionary(
            functions.flatMap { function in
                function.interfaces.compactMap(\.index).map { ($0, function.address) }
            },
            uniquingKeysWith: { first, _ in first })
    }
}

/// The functions that a batch of events concerns.
private struct Touched {
    /// The functions to read again.
    var functions: Set<PCIAddress> = []
    /// The PFs to query again for the settings of their VFs.
    var cards: Set<PCIAddress> = []

    mutating func add(_ event: HostEvent, known: HostSnapshot, interfaces: [Int: PCIAddress]) {
        // An interface whose function is unknown has none, or the function's own event follows.
        guard let address = event.interfaceIndex.map({ interfaces[$0] }) ?? event.address else { return }
        functions.insert(address)
        // The change can be one of the settings of the VFs.
        if event.subsystem == HostEvent.net { cards.insert(address) }
        // The PF of a removed VF has one link less.
        if event.action == "remove", let owner = known[address]?.virtualFunction?.physicalFunction {
            functions.insert(owner)
        }
    }
}
