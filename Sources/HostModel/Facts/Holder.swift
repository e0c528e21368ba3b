// SPDX-License-Identifier: GPL-3.0-or-later

/// Something that has a function in use now, whether or not a claim says so.
public struct Holder: Hashable, Sendable, Codable {
    public enum Kind: String, Hashable, Sendable, Codable {
        /// A running guest.
        case domain
        /// Another program that has the function open through VFIO.
        case process
        /// The host's own network: an address, a bridge or a bond, an interface on top.
        case network
        /// The host's own storage: a mounted file system, or swap space.
        case disk
        /// Nobody: it was set aside, for its state is not understood.
        case quarantine
    }

    public let kind: Kind
    /// The guest, the program, the bridge or the address, the mount point.
    public let name: String
    /// How, in words for people: `qemu-system-x86 (pid 812)`, `ens1f0 is a port of it`.
    public let detail: String

    public init(kind: Kind, name: String, detail: String) {
        self.kind = kind
        self.name = name
        self.detail = detail
    }
}

/// What changes without an event that could be followed: who has what open, and what is mounted.
public struct HostUses: Hashable, Sendable {
    /// By IOMMU group, the processes that have it open through VFIO; nil when not all could be looked into.
    public var openGroups: [Int: [ProcessHolder]]?
    /// By function, what the host keeps on its disks.
    public var disks: [PCIAddress: [DiskUse]]
    /// By function, why it is set aside.
    public var quarantine: [PCIAddress: String] = [:]

    public init(openGroups: [Int: [ProcessHolder]]? = [:], disks: [PCIAddress: [DiskUse]] = [:]) {
        self.openGroups = openGroups
        self.disks = disks
    }
}

/// A block device that the host works with.
public struct DiskUse: Hashable, Sendable {
    /// `nvme0n1p2`.
    public let device: String
    /// Where it is mounted; nil for swap space.
    public let mountPoint: String?

    public init(device: String, mountPoint: String?) {
        self.device = device
        self.mountPoint = mountPoint
    }

    /// `/var`, or `swap`.
    public var name: String { mountPoint ?? "swap" }
}

extension Function {
    /// Everything that has the function in use: what set it aside and guests first, then the host's network, then its disks.
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
