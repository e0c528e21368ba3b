// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// Finds uses of functions that cause no event.
public struct HostUseReader: Sendable {
    public let paths: HostPaths

    public init(paths: HostPaths = HostPaths()) { self.paths = paths }

    /// All uses: one pass over the process table, and one over the mounts and block devices.
    ///
    /// - Parameter asksKernel: whether to find disks in exclusive use too, which opens each disk that shows no other use.
    public func uses(askingKernel asksKernel: Bool) -> HostUses {
        let open = FunctionHolders(paths: paths).all()
        var uses = HostUses(openGroups: open?.groups, disks: disks(), devices: open?.devices ?? [:])
        if asksKernel {
            let disks = ExclusiveDisks(paths: paths).uses { uses.disks[$0] == nil && uses.devices[$0] == nil }
            uses.disks.merge(disks) { $0 + $1 }
        }
        return uses
    }

    /// The host's uses of each function's block devices, also through LVM, RAID and other layers.
    public func disks() -> [PCIAddress: [DiskUse]] { DiskUseReader(paths: paths).uses() }

    /// The functions' block devices that somebody else has exclusively. Opens each of them for a moment.
    public func disksInExclusiveUse(of functions: Set<PCIAddress>) -> [PCIAddress: [DiskUse]] {
        ExclusiveDisks(paths: paths).uses(of: functions.contains)
    }
}
