// SPDX-License-Identifier: GPL-3.0-or-later

/// A user of a function: a guest, a program or the host itself. Claims are not considered.
public struct Holder: Hashable, Sendable, Codable {
    public enum Kind: String, Hashable, Sendable, Codable {
        /// A running guest.
        case domain
        /// Another program that has the function open through VFIO.
        case process
        /// The host's own network: an address, a bridge, a bond or an interface on top.
        case network
        /// The host's own storage: a mounted file system, or swap space.
        case disk
        /// Not in use: the function is in quarantine.
        case quarantine
    }

    public let kind: Kind
    /// The guest, the program, the bridge, the address or the mount point.
    public let name: String
    /// How the function is used, for people: `qemu-system-x86 (pid 812)`, `ens1f0 is a port of it`.
    public let detail: String

    public init(kind: Kind, name: String, detail: String) {
        self.kind = kind
        self.name = name
        self.detail = detail
    }
}

/// Uses of functions that change without an event: open groups, mounts and quarantine.
public struct HostUses: Hashable, Sendable {
    /// By IOMMU group: the processes that have it open through VFIO; nil if not all processes could be examined.
    public var openGroups: [Int: [ProcessHolder]]?
    /// By function: the host's mounted file systems and swap spaces on it.
    public var disks: [PCIAddress: [DiskUse]]
    /// By function: why it is in quarantine.
    public var quarantine: [PCIAddress: String] = [:]

    public init(openGroups: [Int: [ProcessHolder]]? = [:], disks: [PCIAddress: [DiskUse]] = [:]) {
        self.openGroups = openGroups
        self.disks = disks
    }
}

/// A block device that the host has mounted or uses as swap space.
public struct DiskUse: Hashable, Sendable {
    /// `nvme0n1p2`.
    public let device: String
    /// Its mount point; nil for swap space.
    public let mountPoint: String?

    public init(device: String, mountPoint: String?) {
        self.device = device
        self.mountPoint = mountPoint
    }

    /// `/var`, or `swap`.
    public var name: String { mountPoint ?? "swap" }
}

extension Function {
    /// All users of the function: quarantine and guests first, then the host's network, then its disks.
    public func holders(_ uses: HostUses) -> [Holder] {
        var holders: [Holder] = []
        if let reason = uses.quarantine[address] {
            holders.append(Holder(kind: .quarantine, name: "quarantine", detail: reason))
        }
        if isOnVFIO, let group = iommuGroup {
            holders += (uses.openGroups?[group] ?? []).map { process in
                process.guest.map { Holder(kind: .domain, name: $0, detail: process.description) }
                    ?? Holder(kind: .process, name: process.command, detail: process.description)
            }
        }
        for interface in interfaces {
            for address in interface.addresses ?? [] {
                holders.append(.init(kind: .network, name: address, detail: "address of \(interface.name)"))
            }
            if let master = interface.master {
                holders.append(.init(kind: .network, name: master, detail: "\(interface.name) is a port of it"))
            }
            for upper in interface.uppers where upper != interface.master {
                holders.append(.init(kind: .network, name: upper, detail: "on top of \(interface.name)"))
            }
        }
        for disk in uses.disks[address] ?? [] {
            holders.append(.init(kind: .disk, name: disk.name, detail: disk.device))
        }
        return holders
    }
}
