// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
public import HostModel
import Synchronization

/// A host in memory, as one process sees it. It follows the kernel's rules instead of a list of expected calls.
///
/// A test can end the process at any of its calls. After that every call throws ``Crashed``; ``restart()`` returns the
/// same kernel for the next process.
public final class HostSimulator: Host {
    /// Thrown by every call after the process has ended.
    public struct Crashed: Error {}

    /// A way in which an action fails.
    public enum Fault: Sendable {
        /// It reports an error and does nothing.
        case refused(String)
        /// It takes effect but reports an error.
        case refusedAfterEffect(String)
        /// It reports success and does nothing.
        case ignored
        /// It reports this error of the kernel and does nothing.
        case error(KernelError)
        /// It does not return before ``HostSimulator/clearFailures()``, and does nothing.
        case hangs
    }

    private final class Kernel: Sendable {
        let machine: Mutex<Machine>
        init(_ machine: Machine) { self.machine = Mutex(machine) }
    }

    private struct Process {
        var calls = 0
        var effects = 0
        var atEachEffect: (@Sendable (Int, HostSimulator) -> Void)?
        var actions: [HostAction] = []
        var crashesAt: Int?
        var hasCrashed = false
        var onCrash: (@Sendable () -> Void)?
        /// What was read of the cards so far.
        var identities: [PCIAddress: CardIdentity] = [:]
        var onWait: (@Sendable (HostSimulator) -> Void)?
        var outOfDate: (snapshot: HostSnapshot, looks: Int)?
        var faults: [(fault: Fault, timesLeft: Int, matches: @Sendable (HostAction) -> Bool)] = []
    }

    private let kernel: Kernel
    private let process = Mutex(Process())
    private let hanging = DispatchSemaphore(value: 0)
    /// Where readers of the whole host can be made to wait.
    public let gate = LookGate()

    public convenience init(_ build: (inout HostBuilder) -> Void) {
        var builder = HostBuilder()
        build(&builder)
        self.init(Kernel(builder.machine))
    }

    private init(_ kernel: Kernel) { self.kernel = kernel }

    // MARK: Calls of the code under test

    public func snapshot() throws -> HostSnapshot {
        gate.pass()
        return try look()
    }

    private func look() throws -> HostSnapshot {
        try countCall()
        return kernel.machine.withLock(\.snapshot)
    }

    public func function(at address: PCIAddress, with parts: FunctionParts) throws -> Function? {
        try countCall()
        var function = kernel.machine.withLock { $0.function(at: address) }
        if !parts.contains(.settings) { function?.vfSettings = nil }
        if !parts.contains(.virtualFunctions), var sriov = function?.sriov {
            sriov.virtualFunctions = []
            function?.role = .physicalFunction(sriov)
        }
        return function
    }

    public func address(of virtual: VirtualFunction) throws -> PCIAddress? {
        try countCall()
        return kernel.machine.withLock { $0.snapshot.address(of: virtual) }
    }

    /// As this process read it last: no event tells it of a change.
    public func cardIdentity(at address: PCIAddress) throws -> CardIdentity? {
        if let known = process.withLock({ $0.hasCrashed ? nil : $0.identities[address] }) { return known }
        return try freshCardIdentity(at: address)
    }

    public func freshCardIdentity(at address: PCIAddress) throws -> CardIdentity? {
        if process.withLock(\.hasCrashed) { throw Crashed() }
        let card = kernel.machine.withLock { $0.cardIdentity(at: address) }
        process.withLock { $0.identities[address] = card }
        return card
    }

    public func openGroups() throws -> [Int: ProcessHolder] {
        try countCall()
        return kernel.machine.withLock(\.openGroups)
    }

    /// All but those that only an exclusive user shows.
    public func disksInUse() -> [PCIAddress: [DiskUse]] {
        kernel.machine.withLock {
            $0.disks.mapValues { $0.filter { $0.purpose != .exclusive } }.filter { !$0.value.isEmpty }
        }
    }

    public func disksInExclusiveUse(of functions: Set<PCIAddress>) -> [PCIAddress: [DiskUse]] {
        kernel.machine.withLock { $0.disks.filter { functions.contains($0.key) } }
    }

    public func devicesInUse() throws -> [PCIAddress: [DeviceUse]] { kernel.machine.withLock(\.openDevices) }

    /// Returns at once. Simulated time advances by each wait.
    public func waitForChange(upTo limit: Duration) async {
        kernel.machine.withLock { $0.tick() }
        process.withLock(\.onWait)?(self)
        await Task.yield()
    }

    /// The process can end at two moments here: before the effect and after it.
    public func perform(_ action: HostAction) throws {
        try countCall()
        keepMoment()
        let fault = process.withLock { process -> Fault? in
            process.actions.append(action)
            guard let index = process.faults.firstIndex(where: { $0.timesLeft > 0 && $0.matches(action) }) else {
                return nil
            }
            process.faults[index].timesLeft -= 1
            return process.faults[index].fault
        }
        switch fault {
        case .refused(let reason): throw KernelError(name: "EIO", reason: reason)
        case .error(let error): throw error
        case .hangs:
            hanging.wait()
            return
        case .ignored: return
        case .refusedAfterEffect(let reason):
            try kernel.machine.withLock { try $0.perform(action) }
            throw KernelError(name: "EIO", reason: reason)
        case nil: try kernel.machine.withLock { try $0.perform(action) }
        }
        try countCall()
        keepMoment()
    }

    /// No other caller can change the kernel during this call.
    private func keepMoment() {
        let (moment, keep) = process.withLock { process in
            process.effects += 1
            return (process.effects, process.atEachEffect)
        }
        if let keep { kernel.machine.withLock { keep(moment, HostSimulator(Kernel($0))) } }
    }

    private func countCall() throws(Crashed) {
        let (crashed, onCrash) = process.withLock { process -> (Bool, (@Sendable () -> Void)?) in
            if process.hasCrashed { return (true, nil) }
            process.calls += 1
            guard process.calls == process.crashesAt else { return (false, nil) }
            process.hasCrashed = true
            return (true, process.onCrash)
        }
        onCrash?()
        if crashed { throw Crashed() }
    }
}

// MARK: Calls of the test

extension HostSimulator {
    /// Ends the process at its `call`-th call of the host, counted from now, and runs `then` at that moment.
    public func crash(at call: Int, then onCrash: @escaping @Sendable () -> Void = {}) {
        process.withLock {
            $0.crashesAt = $0.calls + call
            $0.onCrash = onCrash
        }
    }

    /// Calls the closure before and after each effect from now on.
    ///
    /// It receives the moment's number and a copy of the host. No other effect happens until it returns.
    public func atEachEffect(_ keep: @escaping @Sendable (Int, HostSimulator) -> Void) {
        process.withLock {
            $0.effects = 0
            $0.atEachEffect = keep
        }
    }

    /// The number of moments so far at which the process could have ended.
    public var calls: Int { process.withLock(\.calls) }

    public var hasCrashed: Bool { process.withLock(\.hasCrashed) }

    /// All attempted actions, in order.
    public var actions: [HostAction] { process.withLock(\.actions) }

    /// The next process on the same kernel.
    public func restart() -> HostSimulator { HostSimulator(kernel) }

    /// The next process after a reboot of the host.
    public func reboot() -> HostSimulator {
        kernel.machine.withLock { $0.reboot() }
        return restart()
    }

    /// The same with functions at other addresses. The way through the device tree stays.
    public func reboot(moving moves: [PCIAddress: PCIAddress]) -> HostSimulator {
        kernel.machine.withLock { $0.reboot(moving: moves) }
        return restart()
    }

    /// Puts another card of the same model into the function's slot.
    public func swap(_ address: PCIAddress, serial: SerialNumber?, mac: MACAddress? = nil) {
        kernel.machine.withLock {
            $0.devices[address]?.serialNumber = serial
            $0.devices[address]?.permanentMAC = mac
        }
    }

    /// Makes the next `times` matching actions fail.
    public func fail(
        _ fault: Fault, times: Int = .max, where matches: @escaping @Sendable (HostAction) -> Bool
    ) {
        process.withLock { $0.faults.append((fault, times, matches)) }
    }

    /// Ends all failures.
    public func clearFailures() {
        process.withLock { $0.faults = [] }
        for _ in 0..<16 { hanging.signal() }
    }

    /// A process opens the function's group through VFIO.
    public func open(_ address: PCIAddress, by holder: ProcessHolder = ProcessHolder(pid: 4711, command: "qemu")) {
        kernel.machine.withLock { $0.holders[address] = holder }
    }

    /// The host uses a disk of the function.
    public func use(_ address: PCIAddress, disk: DiskUse) {
        kernel.machine.withLock { $0.disks[address, default: []].append(disk) }
    }

    /// A process opens a device file of the function.
    public func use(_ address: PCIAddress, device: DeviceUse) {
        kernel.machine.withLock { $0.openDevices[address, default: []].append(device) }
    }

    /// Moves the function's interface into a container's network namespace.
    public func moveInterface(of address: PCIAddress) {
        kernel.machine.withLock { $0.devices[address]?.isElsewhere = true }
    }

    /// Ends the process that has the group open.
    public func close(_ address: PCIAddress) { kernel.machine.withLock { $0.holders[address] = nil } }

    /// Performs an action as another program of the host would.
    public func meanwhile(_ action: HostAction) throws { try kernel.machine.withLock { try $0.perform(action) } }

    /// Makes all VFs appear that are still being created.
    public func finishVFs() { for _ in 0..<100 { kernel.machine.withLock { $0.tick() } } }

    /// Removes a PF and its VFs. ``plug(_:)`` adds it again, in its initial state.
    public func pull(_ address: PCIAddress) { kernel.machine.withLock { $0.pull(address) } }

    /// Adds a PF again that was removed.
    public func plug(_ address: PCIAddress) { kernel.machine.withLock { $0.plugAgain(address) } }

    /// Unloads the function's usual driver, or loads it again.
    public func lateDriver(_ name: String?, of address: PCIAddress) {
        kernel.machine.withLock {
            $0.devices[address]?.nativeDriver = name
            $0.devices[address]?.driver = name
        }
    }

    /// Events come late: the next looks at what was last seen show the host as it is now.
    public func fallBehind(looks: Int) { process.withLock { $0.outOfDate = (now, looks) } }

    public func lastSeen() throws -> HostSnapshot {
        let old = process.withLock { process -> HostSnapshot? in
            guard let old = process.outOfDate else { return nil }
            process.outOfDate = old.looks > 1 ? (old.snapshot, old.looks - 1) : nil
            return old.snapshot
        }
        return try old ?? look()
    }

    /// Called at each wait.
    public func onWait(_ act: @escaping @Sendable (HostSimulator) -> Void) { process.withLock { $0.onWait = act } }

    /// The present state. Reading it does not count as a call.
    public var now: HostSnapshot { kernel.machine.withLock(\.snapshot) }

    /// The number of resets of the function.
    public func resets(of address: PCIAddress) -> Int { kernel.machine.withLock { $0.devices[address]?.resets ?? 0 } }
}
