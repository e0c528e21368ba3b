// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
public import HostIO
public import HostModel

/// Performs one action on the host, through sysfs or rtnetlink.
///
/// It writes and does not verify: that the kernel accepted a write proves nothing until the host is read again, which
/// is the caller's task. A write blocks as long as the driver needs, and nothing can cancel it.
public struct HostWriter: Sendable {
    private let paths: HostPaths

    public init(paths: HostPaths = HostPaths()) { self.paths = paths }

    /// - Throws: ``HostIOError/refusedByKernel(action:path:errno:)`` and ``HostIOError/vanished(_:)``; for actions over
    ///   rtnetlink also ``HostIOError/netlink(action:interface:code:)``, ``HostIOError/noInterface(_:)`` and
    ///   ``HostIOError/notThisHost(root:)``.
    ///
    /// Source: Documentation/ABI/testing/sysfs-bus-pci; rtnetlink(7).
    public func perform(_ action: HostAction) throws(HostIOError) {
        switch action {
        case .setDriversAutoprobe(let physical, let on):
            try write(on ? "1" : "0", to: "sriov_drivers_autoprobe", of: physical, action)
        case .setVFCount(let physical, let count):
            try write(String(count), to: "sriov_numvfs", of: physical, action)
        case .setMSIXCount(let address, let count):
            // 0 selects the driver's own number. Source: `sriov_vf_msix_count_store`, drivers/pci/iov.c.
            try write(String(count ?? 0), to: "sriov_vf_msix_count", of: address, action)
        case .setDriverOverride(let address, let driver):
            // An empty line clears the override.
            try write(driver ?? "", to: "driver_override", of: address, action)
        case .unbindDriver(let address):
            try unbind(address, action)
        case .probeDriver(let address):
            try requirePresence(of: address)
            try write(address.description, toFile: paths.driversProbe, action)
        case .reset(let address):
            try write("1", to: "reset", of: address, action)
        case .setLink(let physical, let port, let up):
            let ports = try ports(port, of: physical)
            let writer = try InterfaceWriter()
            for port in ports { try writer.setLink(up: up, on: port.index) }
        case .setMTU(let physical, let port, let octets):
            let ports = try ports(port, of: physical)
            let writer = try InterfaceWriter()
            for port in ports { try writer.setMTU(octets, on: port.index, now: port.mtu) }
        case .setVFSettings(let virtual, let settings):
            try set(settings, of: virtual)
        }
    }

    /// Sends only the settings that differ: a driver can refuse even a value that is already in force. Where a VF hangs on
    /// several ports, each has settings of its own: without them the guest would be free on the other port.
    private func set(_ settings: VFSettings, of virtual: VirtualFunction) throws(HostIOError) {
        let ports = try vfPorts(of: virtual.physicalFunction)
        let carriers = try VFSettingsReader().carriers(of: ports)
        let own = ports.carriers(ofVF: virtual.index, among: carriers)
        // A VF that no carrier shows: the kernel's answer says why.
        let chosen = own.isEmpty ? Array(carriers.prefix(1)) : own
        guard !chosen.isEmpty else { throw .noInterface(virtual.physicalFunction) }
        for carrier in chosen {
            let rest = settings.difference(from: carrier.settings[virtual.index] ?? VFSettings())
            guard !rest.isEmpty, let interface = carrier.interface.index else { continue }
            try InterfaceWriter().set(rest, ofVF: virtual.index, on: interface)
        }
    }

    /// Unbinds the function from its present driver. Does nothing if it has none.
    private func unbind(_ address: PCIAddress, _ action: HostAction) throws(HostIOError) {
        do {
            try write(address.description, toFile: paths.function(address, "driver/unbind"), action)
        } catch {
            guard case .refusedByKernel(_, _, ENOENT) = error else { throw error }
            try requirePresence(of: address)
            guard !paths.function(address, "driver").isEntry else { throw error }
        }
    }

    /// A PF's ports: nothing else on the card is switched. A port without an index is being removed.
    private func ports(_ id: PortID?, of physical: PCIAddress) throws(HostIOError) -> [(index: Int, mtu: Int?)] {
        let ports = try vfPorts(of: physical).interfaces.ports(id)
        let present = ports.compactMap { port in port.index.map { (index: $0, mtu: port.mtu) } }
        guard !ports.isEmpty, present.count == ports.count else { throw .noInterface(physical) }
        return present
    }

    /// A PF's interfaces: rtnetlink knows no PCI addresses.
    private func vfPorts(of physical: PCIAddress) throws(HostIOError) -> VFPorts {
        guard paths.isLive else { throw .notThisHost(root: paths.root) }
        try requirePresence(of: physical)
        let ports = SysfsReader(paths: paths).vfPorts(of: physical)
        guard !ports.interfaces.isEmpty else { throw .noInterface(physical) }
        return ports
    }

    private func requirePresence(of address: PCIAddress) throws(HostIOError) {
        if !paths.function(address).exists { throw .vanished(address) }
    }

    private func write(_ text: String, to attribute: String, of address: PCIAddress, _ action: HostAction)
        throws(HostIOError)
    {
        do {
            try write(text, toFile: paths.function(address, attribute), action)
        } catch {
            guard case .refusedByKernel(_, _, ENOENT) = error else { throw error }
            try requirePresence(of: address)
            throw error
        }
    }

    /// Writes one line in one write(2): sysfs takes each write as a whole value.
    private func write(_ text: String, toFile path: HostPath, _ action: HostAction) throws(HostIOError) {
        func problem(_ errno: CInt) -> HostIOError {
            .refusedByKernel(action: action.description, path: path.description, errno: errno)
        }
        // Without O_CREAT: a missing attribute must be an error. O_TRUNC is for trees of plain files; sysfs ignores it.
        let file = path.open(O_WRONLY | O_TRUNC)
        guard file >= 0 else { throw problem(errno) }
        defer { close(file) }
        let line = Array((text + "\n").utf8)
        while true {
            // SAFETY: the array lends its bytes until the call returns.
            let count = unsafe Glibc.write(file, line, line.count)
            if count == line.count { return }
            if count >= 0 { throw problem(EIO) }
            guard errno == EINTR else { throw problem(errno) }
        }
    }
}
