// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
public import HostModel
import Synchronization

/// A host in memory, as one process sees it: it keeps the kernel's rules and not a list of expected calls.
///
/// The process can be made to end at any of its calls. From then on every call throws ``Crashed``; ``restart()`` gives
/// the next process's view of the same kernel.
public final class HostSimulator: Host {
    /// What every call throws once the process has ended.
    public struct Crashed: Error {}

    /// How an action goes wrong.
    public enum Fault: Sendable {
        /// An error, and nothing done.
        case refused(String)
        /// An error, though it was done.
        case refusedAfterEffect(String)
        /// No error, and nothing done.
        case ignored
        /// This error of the kernel's, and nothing done.
        case error(KernelError)
        /// No answer before ``HostSimulator/mend()``, and then nothing done.
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
        var onWait: (@Sendable (HostSimulator) -> Void)?
        var faults: [(fault: Fault, timesLeft: Int, matches: @Sendable (HostAction) -> Bool)] = []
    }

    private let kernel: Kernel
    private let process = Mutex(Process())
    private let hanging = DispatchSemaphore(value: 0)

    public convenience init(_ build: (inout HostBuilder) -> Void) {
        var builder = HostBuilder()
        build(&builder)
        self.init(Kernel(builder.machine))
    }

    private init(_ kernel: Kernel) { self.kernel = kernel }

    // MARK: What the code under test calls

    public func snapshot() throws -> HostSnapshot {
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

    public func openGroups() throws -> [Int: ProcessHolder] {
        try countCall()
        return kernel.machine.withLock(\.openGroups)
    }

    /// Takes no time: that passes by being waited for.
    public func waitForChange(upTo limit: Duration) async {
        kernel.machine.withLock { $0.tick() }
        process.withLock(\.onWait)?(self)
        await Task.yield()
    }

    /// Two of the moments at which the process can end: before the effect and after it.
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

    /// While the kernel is looked at, nobody else has an effect on it.
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

// MARK: What the test does to the host

extension HostSimulator {
    /// The process ends at its `call`-th call of the host, counted from now; `then` runs at that very moment.
    public func crash(at call: Int, then onCrash: @escaping @Sendable () -> Void = {}) {
        process.withLock {
            $0.crashesAt = $0.calls + call
            $0.onCrash = onCrash
        }
    }

    /// From now on, called at each moment of an effect, two for each: before it and after it.
    ///
    /// With the moment's number and a host that stays as the host was then. Nothing else has an effect until it returns.
    public func atEachEffect(_ keep: @escaping @Sendable (Int, HostSimulator) -> Void) {
        process.withLock {
            $0.effects = 0
            $0.atEachEffect = keep
        }
    }

    /// How many moments there have been at which the process could have ended.
    public var calls: Int { process.withLock(\.calls) }

    public var hasCrashed: Bool { process.withLock(\.hasCrashed) }

    /// Every action that was tried, in order.
    public var actions: [HostAction] { process.withLock(\.actions) }

    /// The next process on the same kernel.
    public func restart() -> HostSimulator { HostSimulator(kernel) }

    /// The next process after the host was booted again.
    public func reboot() -> HostSimulator {
        kernel.machine.withLock { $0.reboot() }
        return restart()
    }

    /// From now on, the next `times` actions that match go wrong.
    public func fail(
        _ fault: Fault, times: Int = .max, where matches: @escaping @Sendable (HostAction) -> Bool
    ) {
        process.withLock { $0.faults.append((fault, times, matches)) }
    }

    /// Actions go right again.
    public func mend() {
        process.withLock { $0.faults = [] }
        for _ in 0..<16 { hanging.signal() }
    }

    /// A process opens the function's group through VFIO.
    public func open(_ address: PCIAddress, by holder: ProcessHolder = ProcessHolder(pid: 4711, command: "qemu")) {
        kernel.machine.withLock { $0.holders[address] = holder }
    }

    /// The process that had it open is gone.
    public func close(_ address: PCIAddress) { kernel.machine.withLock { $0.holders[address] = nil } }

    /// Somebody else does something to the host.
    public func meanwhile(_ action: HostAction) throws { try kernel.machine.withLock { try $0.perform(action) } }

    /// VFs that were on their way are there.
    public func settle() { for _ in 0..<100 { kernel.machine.withLock { $0.tick() } } }

    /// The card is pulled, its VFs with it. ``plug(_:)`` puts it back, as it is after a start.
    public func pull(_ address: PCIAddress) { kernel.machine.withLock { $0.pull(address) } }

    /// The card that was pulled is back.
    public func plug(_ address: PCIAddress) { kernel.machine.withLock { $0.plugAgain(address) } }

    /// The driver that would take the function by itself is not loaded, until it is named here.
    public func lateDriver(_ name: String?, of address: PCIAddress) {
        kernel.machine.withLock {
            $0.devices[address]?.nativeDriver = name
            $0.devices[address]?.driver = name
        }
    }

    /// Waiting wakes this up, each time.
    public func onWait(_ act: @escaping @Sendable (HostSimulator) -> Void) { process.withLock { $0.onWait = act } }

    /// What is there now, without counting as a call.
    public var now: HostSnapshot { kernel.machine.withLock(\.snapshot) }

    /// How often the function was reset.
    public func resets(of address: PCIAddress) -> Int { kernel.machine.withLock { $0.devices[address]?.resets ?? 0 } }
}
