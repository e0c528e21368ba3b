// SPDX-License-Identifier: GPL-3.0-or-later

/// The seam between deciding and doing: what the daemon needs of a host, real or simulated.
public protocol Host: Sendable {
    /// Everything, now.
    func snapshot() throws -> HostSnapshot
    /// Everything, as the host's events told it last: for noticing, never for deciding.
    func lastSeen() throws -> HostSnapshot
    /// One function, now; nil when there is none at the address.
    ///
    /// - Parameter settings: whether to ask its PF what it enforces for it, which costs more than all else together.
    func function(at address: PCIAddress, settings: Bool) throws -> Function?
    /// Carries out one effect. Says nothing of whether it took: the caller reads again.
    func perform(_ action: HostAction) throws
    /// The IOMMU groups that some process has open through VFIO, with one such process each.
    func openGroups() throws -> [Int: ProcessHolder]
    /// By function, what the host keeps on its disks.
    func disksInUse() -> [PCIAddress: [DiskUse]]
    /// Returns when something on the host may have changed, or when the time is up, whichever is first.
    func waitForChange(upTo limit: Duration) async
}

extension Host {
    /// One function with all that decisions rest on.
    public func function(at address: PCIAddress) throws -> Function? { try function(at: address, settings: true) }

    /// A host without events is read.
    public func lastSeen() throws -> HostSnapshot { try snapshot() }

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
