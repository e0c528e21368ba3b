// SPDX-License-Identifier: GPL-3.0-or-later

/// A block device of a function that the host uses.
public struct DiskUse: Hashable, Sendable {
    /// `nvme0n1p2`.
    public let device: String
    public let purpose: Purpose

    /// What the host uses a block device for.
    public enum Purpose: Hashable, Sendable {
        /// A file system on it is mounted there.
        case mounted(at: String)
        case swap
        /// Other block devices are on top of it, the nearest first: `md0`, `vg0-win10`.
        case under([String])
        /// A file system of several devices has it, and its mount point is not known: `btrfs 0b0e7b4e-…`.
        case member(of: String)
        /// The kernel exports it under this name, as an NVMe target does.
        case exported(as: String)
        /// The kernel refuses a second exclusive user, and does not tell the first: a ZFS pool, or a mount that only
        /// another namespace sees.
        case exclusive
    }

    public init(device: String, _ purpose: Purpose) {
        self.device = device
        self.purpose = purpose
    }

    /// `/var`, `swap`, `vg0-win10`, …
    public var name: String {
        switch purpose {
        case .mounted(let point): point
        case .swap: "swap"
        case .under(let layers): layers.last ?? device
        case .member(let system): system
        case .exported(let name): name
        case .exclusive: "exclusive"
        }
    }
}

/// A process that has a device file of a function's host driver open: `/dev/dri/renderD128`, `/dev/nvme0n1`.
public struct DeviceUse: Hashable, Sendable, CustomStringConvertible {
    public let device: String
    public let process: ProcessHolder

    public init(device: String, process: ProcessHolder) {
        self.device = device
        self.process = process
    }

    public var description: String { "\(process) has \(device) open" }
}
