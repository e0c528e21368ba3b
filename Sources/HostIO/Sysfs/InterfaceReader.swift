// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import HostModel
import SystemPackage

/// Reads the network interfaces of a function.
///
/// Source: Documentation/ABI/testing/sysfs-class-net.
struct InterfaceReader {
    let paths: HostPaths
    /// Whether the tree is the kernel's own: a captured one can be incomplete.
    private let isLive: Bool

    init(paths: HostPaths) { self.init(paths: paths, isLive: paths.isLive) }

    init(paths: HostPaths, isLive: Bool) {
        self.paths = paths
        self.isLive = isLive
    }

    /// Stores the interfaces of the function's driver, by index, and whether there is one in another network namespace.
    func readInterfaces(
        into function: inout Function, _ home: borrowing Directory, withSpeeds: Bool, _ pass: inout ReadPass
    ) {
        let found = interfaces(
            of: home, driver: function.driver, withSpeeds: withSpeeds, function.address.description, &pass)
        function.interfaces = found.interfaces
        function.hasInterfaceElsewhere = isLive && found.hasEmptyFolder
    }

    /// The interfaces of the function's driver, by index, and what ``forEachInterface(of:driver:_:)`` returns.
    private func interfaces(
        of home: borrowing Directory, driver: String?, withSpeeds: Bool, _ subject: String, _ pass: inout ReadPass
    ) -> (interfaces: [NetworkInterface], hasEmptyFolder: Bool) {
        var interfaces: [NetworkInterface] = []
        let hasEmptyFolder = forEachInterface(of: home, driver: driver) { name, folder in
            // An interface can be removed while its function stays.
            if let interface = try? interface(name, in: folder, withSpeed: withSpeeds, subject, &pass) {
                interfaces.append(interface)
            }
        }
        if interfaces.count > 1 {
            distinguish(&interfaces, of: home, driver: driver, &pass)
            interfaces.sort { ($0.index ?? .max, $0.name) < ($1.index ?? .max, $1.name) }
        }
        return (interfaces, hasEmptyFolder)
    }

    /// Adds what tells the interfaces of one function apart. A function with one interface does not need it.
    private func distinguish(
        _ interfaces: inout [NetworkInterface], of home: borrowing Directory, driver: String?, _ pass: inout ReadPass
    ) {
        forEachInterface(of: home, driver: driver) { name, folder in
            guard let position = interfaces.firstIndex(where: { $0.name == name }),
                let home = try? Directory(name, in: folder)
            else { return }
            PortReader.distinguish(&interfaces[position], in: home, &pass)
        }
    }

    /// The folders of virtio devices: virtio has a device between the function and its interface.
    private func virtioFolders(of home: borrowing Directory) -> [String] {
        // Opened again: a folder lists its entries only once for each open.
        let names = (try? Directory(".", in: home).names()) ?? []
        return names.filter { $0.hasPrefix("virtio") }.map { $0 + "/net" }
    }

    /// nil when the interface was removed or renamed meanwhile: then it has no index, and no folder of its name.
    private func interface(
        _ name: String, in folder: borrowing Directory, withSpeed: Bool, _ subject: String, _ pass: inout ReadPass
    ) throws(Vanished) -> NetworkInterface? {
        let label = "\(subject) \(name)"
        guard let home = try? Directory(name, in: folder) else { return nil }
        let index = try pass.value("ifindex", in: home, of: label, SysfsText.count)
        if index == nil, !folder.contains(name) { return nil }
        let flags: UInt32? = try pass.value("flags", in: home, of: label, SysfsText.hex)
        let entries = InterfaceEntries(of: home)
        var interface = NetworkInterface(
            name: name, index: index,
            // Empty for an interface without a link-layer address.
            mac: try pass.text("address", in: home, of: label).flatMap { try? MACAddress($0) },
            state: try pass.text("operstate", in: home, of: label) ?? "unknown",
            isAdministrativelyUp: flags.map(Self.isUp),
            mtu: try pass.value("mtu", in: home, of: label, SysfsText.count),
            master: try entries.hasMaster ? pass.linkName("master", in: home, of: label) : nil,
            uppers: entries.uppers.sorted(),
            port: try entries.hasPortFacts ? PortReader.facts(in: home, of: label, &pass) : PortFacts())
        if withSpeed { interface.speedMbps = speed(of: interface, in: home, &pass) }
        return interface
    }

    /// nil without a carrier: the kernel then refuses the read or returns -1.
    private func speed(
        of interface: NetworkInterface, in home: borrowing Directory, _ pass: inout ReadPass
    ) -> Int? {
        // A link goes down before it changes its speed.
        if let index = interface.index, let known = pass.interfaces[index], known.state == interface.state {
            return known.speedMbps
        }
        return (try? pass.read("speed", in: home, SysfsText.count)).flatMap(\.self)
    }

    /// The name of a port of its PF that is down, so that the VF has no link; nil when there is none.
    ///
    /// Asked at every claim and start: while no interface is down, one attribute of each is enough.
    func downPort(ofVF virtual: VirtualFunction) -> String? {
        var pass = ReadPass()
        guard let home = try? Directory(paths.function(virtual.physicalFunction)),
            let driver = try? pass.linkName("driver", in: home, of: "")
        else { return nil }
        var isAnyDown = false
        forEachInterface(of: home, driver: driver) { name, folder in
            guard let home = try? Directory(name, in: folder) else { return }
            let flags: UInt32?? = try? pass.read("flags", in: home, SysfsText.hex)
            if let flags = flags.flatMap(\.self), !Self.isUp(flags) { isAnyDown = true }
        }
        return isAnyDown ? vfPorts(of: virtual.physicalFunction).downPort(ofVF: virtual.index)?.name : nil
    }

    private static func isUp(_ flags: UInt32) -> Bool { flags & UInt32(IFF_UP) != 0 }

    /// The interfaces of a PF, without speeds, and on which of its ports each of its VFs hangs.
    func vfPorts(of address: PCIAddress) -> VFPorts {
        var pass = ReadPass()
        guard let home = try? Directory(paths.function(address)),
            let driver = try? pass.linkName("driver", in: home, of: "")
        else { return VFPorts(interfaces: []) }
        return VFPorts(
            interfaces: interfaces(of: home, driver: driver, withSpeeds: false, address.description, &pass).interfaces,
            vfsPerPort: PortReader.vfsPerPort(driver: driver, paths: paths, &pass))
    }

    /// Calls `body` with the name of each interface of the function's driver, and with its parent folder.
    ///
    /// - Returns: whether such a folder is empty. It exists while an interface is in it, and lists only those of the network
    ///   namespace in which sysfs was mounted: then the interface is in another one.
    ///
    /// Source: `cleanup_glue_dir`, drivers/base/core.c; `net_class`, net/core/net-sysfs.c.
    @discardableResult
    private func forEachInterface(
        of home: borrowing Directory, driver: String?, _ body: (_ name: String, borrowing Directory) -> Void
    ) -> Bool {
        if let driver, VFIO.isVFIODriver(driver) { return false }
        // A running function without a driver has no interface. A captured one can lack the link to its driver.
        if driver == nil, isLive { return false }
        let isVirtio = driver.map { $0 == "virtio-pci" } ?? true
        var hasEmptyFolder = false
        for path in ["net"] + (isVirtio ? virtioFolders(of: home) : []) {
            guard let folder = try? Directory(path, in: home), let names = try? folder.names() else { continue }
            if names.isEmpty { hasEmptyFolder = true }
            for name in names { body(name, folder) }
        }
        return hasEmptyFolder
    }
}

/// What an interface's folder lists. A link or attribute that it does not list needs no attempt to read it.
private struct InterfaceEntries {
    private(set) var hasMaster = false
    /// Whether there is one of the attributes that ``PortReader/facts(in:of:_:)`` reads.
    private(set) var hasPortFacts = false
    /// Interfaces on top of it. Source: `netdev_adjacent_sysfs_add`, net/core/dev.c.
    private(set) var uppers: [String] = []

    init(of home: borrowing Directory) {
        do {
            try home.forEachName { name in
                if name.starts(with: "upper_".utf8) {
                    uppers.append(String(decoding: name.dropFirst("upper_".utf8.count), as: UTF8.self))
                } else if name.elementsEqual("master".utf8) {
                    hasMaster = true
                } else if name.elementsEqual("dev_port".utf8) || name.elementsEqual("type".utf8) {
                    hasPortFacts = true
                }
            }
        } catch {
            // Unknown: both are attempted.
            (hasMaster, hasPortFacts) = (true, true)
        }
    }
}
