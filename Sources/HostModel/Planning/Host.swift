// SPDX-License-Identifier: GPL-3.0-or-later

/// The seam between deciding and doing: what the daemon needs of a host, real or simulated.
public protocol Host: Sendable {
    /// Everything, now.
    func snapshot() throws -> HostSnapshot
    /// Everything, as the host's events told it last: for noticing, never for deciding.
    func lastSeen() throws -> HostSnapshot
    /// The same for who will look for these selectors' functions.
    func lastSeen(indexedBy selectors: some Collection<Selector>) throws -> HostSnapshot
    /// One function, now; nil when there is none at the address.
    ///
    /// - Parameter parts: what to read of it beyond its own attributes.
    func function(at address: PCIAddress, with parts: FunctionParts) throws -> Function?
    /// Which driver has a function, now; nil when there is none at the address.
    func binding(at address: PCIAddress) throws -> DriverBinding?
    /// The name of one of a function's network interfaces that nobody switched on, now; nil when there is none such.
    func downInterface(of address: PCIAddress) throws -> String?
    /// A PF with its VFs, now; none when it is not there.
    func card(at address: PCIAddress) throws -> [Function]
    /// Where a VF is, now; nil when its PF has none at that index.
    func address(of virtual: VirtualFunction) throws -> PCIAddress?
    /// Carries out one effect. Says nothing of whether it took: the caller reads again.
    func perform(_ action: HostAction) throws
    /// The IOMMU groups that some process has open through VFIO, with one such process each.
    func openGroups() throws -> [Int: ProcessHolder]
    /// By function, what the host keeps on its disks.
    func disksInUse() -> [PCIAddress: [DiskUse]]
    /// Returns when something on the host may have changed, or when the time is up, whichever is first.
    func waitForChange(upTo limit: Duration) async
}

/// What of a function costs more to read than all else together.
public struct FunctionParts: OptionSet, Sendable {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Of a VF, what its PF enforces for it: a question to the kernel that answers for every VF of the PF.
    public static let settings = FunctionParts(rawValue: 1)
    /// Of a PF, where its VFs are: a link for each.
    public static let virtualFunctions = FunctionParts(rawValue: 2)
    public static let all: FunctionParts = [.settings, .virtualFunctions]
}

extension Host {
    /// One function with all that decisions rest on.
    public func function(at address: PCIAddress) throws -> Function? { try function(at: address, with: .all) }

    /// A host that has no shorter way.
    public func binding(at address: PCIAddress) throws -> DriverBinding? {
        try function(at: address, with: [])?.binding
    }

    public func downInterface(of address: PCIAddress) throws -> String? {
        try function(at: address, with: [])?.downInterface
    }

    /// A host of which each function is read by itself.
    public func card(at address: PCIAddress) throws -> [Function] {
        guard let physical = try function(at: address) else { return [] }
        return try [physical] + (physical.sriov?.virtualFunctions ?? []).compactMap { try function(at: $0) }
    }

    /// A host without events is read.
    public func lastSeen() throws -> HostSnapshot { try snapshot() }

    /// A host that keeps no index.
    public func lastSeen(indexedBy selectors: some Collection<Selector>) throws -> HostSnapshot { try lastSeen() }

    /// A host without disks.
    public func disksInUse() -> [PCIAddress: [DiskUse]] { [:] }
}

/// A process that has a VFIO group open: a running guest, as a rule.
public struct ProcessHolder: Hashable, Sendable, CustomStringConvertible {
    public let pid: Int
    public let command: String
    /// The domain's name, of a QEMU that libvirt or a person gave one.
    public let guest: String?

    public init(pid: Int, command: String, guest: String? = nil) {
        self.pid = pid
        self.command = command
        self.guest = guest
    }

    public var description: String { "\(command) (pid \(pid))" }
}
