// SPDX-License-Identifier: GPL-3.0-or-later

/// A host as the daemon uses it, the real one or a simulated one. It separates decisions from effects.
public protocol Host: Sendable {
    /// Reads the whole host now.
    func snapshot() throws -> HostSnapshot
    /// The whole host as the last events reported it. It may be outdated: read again what a decision depends on.
    func lastSeen() throws -> HostSnapshot
    /// The same host, whose ``lastSeen()`` reads nothing: for decisions inside a transaction, which others wait for. Ask for
    /// ``lastSeen()`` before.
    var inMemory: any Host { get }
    /// ``lastSeen()``, with an index of the functions that the selectors admit.
    func lastSeen(indexedBy selectors: some Collection<Selector>) throws -> HostSnapshot
    /// Reads the NUMA nodes now. No event tells that their free memory changed.
    func numaNodes() throws -> [NUMANode]
    /// Reads one function now; nil if there is none at the address.
    ///
    /// - Parameter parts: what to read beyond its own attributes.
    func function(at address: PCIAddress, with parts: FunctionParts) throws -> Function?
    /// Reads a function's driver now; nil if there is no function at the address.
    func binding(at address: PCIAddress) throws -> DriverBinding?
    /// The name of a port of its PF that is down now, so that the VF has no link; nil if there is none.
    func downPort(ofVF virtual: VirtualFunction) throws -> String?
    /// Reads a PF and its VFs now; empty if the PF is missing.
    func card(at address: PCIAddress) throws -> [Function]
    /// The address that a VF has now; nil if its PF has no VF with that index.
    func address(of virtual: VirtualFunction) throws -> PCIAddress?
    /// What the function at the address is, whatever its address: of a VF, what its PF is. nil if there is none, or if it
    /// cannot be told.
    func cardIdentity(at address: PCIAddress) throws -> CardIdentity?
    /// ``cardIdentity(at:)``, read now. What was read earlier may be another card, or lack the marks that a driver brought.
    func freshCardIdentity(at address: PCIAddress) throws -> CardIdentity?
    /// Performs one action. Success does not mean that it took effect: the caller reads the host again.
    func perform(_ action: HostAction) throws
    /// The IOMMU groups that are open through VFIO, each with one of the processes.
    func openGroups() throws -> [Int: ProcessHolder]
    /// By function: the host's uses of its block devices, as far as files of the kernel tell them.
    func disksInUse() -> [PCIAddress: [DiskUse]]
    /// By function: the processes that have one of its device files open.
    func devicesInUse() throws -> [PCIAddress: [DeviceUse]]
    /// By function: the block devices that somebody else has exclusively. The last word on a disk: it opens each of them.
    func disksInExclusiveUse(of functions: Set<PCIAddress>) -> [PCIAddress: [DiskUse]]
    /// Returns when something on the host may have changed, at the latest after `limit`.
    func waitForChange(upTo limit: Duration) async
}

/// The parts of a function that cost more to read than all the rest.
public struct FunctionParts: OptionSet, Sendable {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    /// For a VF, its settings: the kernel answers such a query for every VF of the PF.
    public static let settings = FunctionParts(rawValue: 1)
    /// For a PF, the addresses of its VFs: one link to read for each.
    public static let virtualFunctions = FunctionParts(rawValue: 2)
    public static let all: FunctionParts = [.settings, .virtualFunctions]
}

extension Host {
    /// Reads one function with everything that decisions depend on.
    public func function(at address: PCIAddress) throws -> Function? { try function(at: address, with: .all) }

    /// The identities of all functions that are no VFs and no bridges, as far as they were read before.
    public func cardIdentities(on host: HostSnapshot) throws -> [PCIAddress: CardIdentity] {
        try identities(on: host, by: cardIdentity)
    }

    /// The same, read now. Before cards are compared: their drivers may have come since the last reading.
    public func freshCardIdentities(on host: HostSnapshot) throws -> [PCIAddress: CardIdentity] {
        try identities(on: host, by: freshCardIdentity)
    }

    private func identities(
        on host: HostSnapshot, by read: (PCIAddress) throws -> CardIdentity?
    ) throws -> [PCIAddress: CardIdentity] {
        var cards: [PCIAddress: CardIdentity] = [:]
        for function in host.functions
        where function.virtualFunction == nil && !function.isUnplaced && !function.isBridge {
            cards[function.address] = try read(function.address)
        }
        return cards
    }

    /// For a host that reads each time.
    public func freshCardIdentity(at address: PCIAddress) throws -> CardIdentity? { try cardIdentity(at: address) }

    /// For a host that has no cheaper way.
    public func numaNodes() throws -> [NUMANode] { try snapshot().numaNodes }

    public func binding(at address: PCIAddress) throws -> DriverBinding? {
        try function(at: address, with: [])?.binding
    }

    public func downPort(ofVF virtual: VirtualFunction) throws -> String? {
        try function(at: virtual.physicalFunction, with: [])?.vfPorts.downPort(ofVF: virtual.index)?.name
    }

    /// For a host that reads each function by itself.
    public func card(at address: PCIAddress) throws -> [Function] {
        guard let physical = try function(at: address) else { return [] }
        return try [physical] + (physical.sriov?.virtualFunctions ?? []).compactMap { try function(at: $0) }
    }

    /// For a host that nobody waits for.
    public var inMemory: any Host { self }

    /// For a host without events, which is read.
    public func lastSeen() throws -> HostSnapshot { try snapshot() }

    /// For a host without an index.
    public func lastSeen(indexedBy selectors: some Collection<Selector>) throws -> HostSnapshot { try lastSeen() }

    /// Refuses a function that the host uses through its host driver. Asked right before it loses that driver.
    ///
    /// - Throws: a ``Refusal``, or the host's error.
    public func refuseIfUsed(_ function: Function) throws {
        guard function.isOnHostDriver else { return }
        var holdings = Holdings()
        holdings.disks = disksInUse()
        holdings.devices = try devicesInUse()
        try holdings.refuseIfUsedByHost(function)
        holdings.disks = disksInExclusiveUse(of: [function.address])
        try holdings.refuseIfUsedByHost(function)
    }
}

/// A process that has a VFIO group open: usually a running guest.
public struct ProcessHolder: Hashable, Sendable, CustomStringConvertible {
    public let pid: Int
    public let command: String
    /// The guest's name on QEMU's command line; nil without one.
    public let guest: String?

    public init(pid: Int, command: String, guest: String? = nil) {
        self.pid = pid
        self.command = command
        self.guest = guest
    }

    public var description: String { "\(command) (pid \(pid))" }
}
