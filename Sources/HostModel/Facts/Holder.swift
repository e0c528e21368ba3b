// SPDX-License-Identifier: GPL-3.0-or-later

/// A user of a function: a guest, a program or the host itself. Claims are not considered.
public struct Holder: Hashable, Sendable, Codable {
    public enum Kind: String, Hashable, Sendable, Codable {
        /// A running guest.
        case domain
        /// Another program that has the function open, through VFIO or by a device file of its host driver.
        case process
        /// The host's own network: an address, a bridge, a bond or an interface on top. Also another network namespace.
        case network
        /// The host's console: the function is the graphics card on which the firmware started.
        case console
        /// The host's own storage: a mounted file system, swap space, RAID, a volume group and the like.
        case disk
        /// Not in use: the function is in quarantine.
        case quarantine
    }

    public let kind: Kind
    /// The guest, the program, the bridge, the address, the mount point or the layer above the disk.
    public let name: String
    /// How the function is used, for people: `qemu-system-x86 (pid 812)`, `ens1f0 is a port of it`.
    public let detail: String

    public init(kind: Kind, name: String, detail: String) {
        self.kind = kind
        self.name = name
        self.detail = detail
    }
}

/// Uses of functions that change without an event: open groups, open device files, disks and quarantine.
public struct HostUses: Hashable, Sendable {
    /// By IOMMU group: the processes that have it open through VFIO; nil if not all processes could be examined.
    public var openGroups: [Int: [ProcessHolder]]?
    /// By function: the host's uses of its block devices.
    public var disks: [PCIAddress: [DiskUse]]
    /// By function: the processes that have one of its device files open.
    public var devices: [PCIAddress: [DeviceUse]]
    /// By function: why it is in quarantine.
    public var quarantine: [PCIAddress: String] = [:]

    public init(
        openGroups: [Int: [ProcessHolder]]? = [:], disks: [PCIAddress: [DiskUse]] = [:],
        devices: [PCIAddress: [DeviceUse]] = [:]
    ) {
        self.openGroups = openGroups
        self.disks = disks
        self.devices = devices
    }
}

extension Function {
    /// All users of the function: quarantine and processes first, then the host's network and console, then its disks.
    public func holders(_ uses: HostUses) -> [Holder] {
        var holders: [Holder] = []
        if let reason = uses.quarantine[address] {
            holders.append(Holder(kind: .quarantine, name: "quarantine", detail: reason))
        }
        if isOnVFIO, let group = iommuGroup {
            holders += (uses.openGroups?[group] ?? []).map { Holder($0, detail: $0.description) }
        }
        holders += (uses.devices[address] ?? []).map { Holder($0.process, detail: $0.description) }
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
        if hasInterfaceElsewhere {
            holders.append(
                .init(
                    kind: .network, name: "network namespace", detail: "its interface is in another one than the host's"
                ))
        }
        if showsConsole {
            holders.append(.init(kind: .console, name: "console", detail: "the firmware started on this graphics card"))
        }
        for disk in uses.disks[address] ?? [] {
            holders.append(.init(kind: .disk, name: disk.name, detail: disk.device))
        }
        return holders
    }
}

extension Holder {
    fileprivate init(_ process: ProcessHolder, detail: String) {
        self.init(
            kind: process.guest == nil ? .process : .domain, name: process.guest ?? process.command, detail: detail)
    }
}
