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
        case .setLink(let physical, let up):
            let interfaces = try interfaces(of: physical)
            let writer = try InterfaceWriter()
            for interface in interfaces { try writer.setLink(up: up, on: interface) }
        case .setMTU(let physical, let octets):
            let interfaces = try interfaces(of: physical)
            let writer = try InterfaceWriter()
            for interface in interfaces { try writer.setMTU(octets, on: interface) }
        case .setVFSettings(let virtual, let settings):
            try set(settings, of: virtual)
        }
    }

    /// Sends only the settings that differ: a driver can refuse even a value that is already in force.
    private func set(_ settings: VFSettings, of virtual: VirtualFunction) throws(HostIOError) {
        let interfaces = try interfaces(of: virtual.physicalFunction)
        guard let carrier = try VFSettingsReader().settings(ofVFsOnAnyOf: interfaces) else {
            throw .noInterface(virtual.physicalFunction)
        }
        let rest = settings.difference(from: carrier.settings[virtual.index] ?? VFSettings())
        if !rest.isEmpty { try InterfaceWriter().set(rest, ofVF: virtual.index, on: carrier.interface) }
    }

    /// Unbinds the function from its present driver. Does nothing if it has none.
    private func unbind(_ address: PCIAddress, _ action: HostAction) throws(HostIOError) {
        do {
            try write(address.description, toFile: paths.function(address, "driver/unbind"), action)
        } catch {
            guard case .refusedByKernel(_, _, ENOENT) = error else { throw error }
            try requirePresence(of: address)
            var status = stat()
            // SAFETY: the string and the structure live until the call returns.
            guard unsafe lstat(paths.function(address, "driver"), &status) != 0, errno == ENOENT else { throw error }
        }
    }

    /// The indexes of a PF's network interfaces: rtnetlink knows no PCI addresses.
    private func interfaces(of physical: PCIAddress) throws(HostIOError) -> [Int] {
        guard paths.isLive else { throw .notThisHost(root: paths.root) }
        try requirePresence(of: physical)
        let interfaces = SysfsReader(paths: paths).interfaceIndexes(of: physical)
        guard !interfaces.isEmpty else { throw .noInterface(physical) }
        return interfaces
    }

    private func requirePresence(of address: PCIAddress) throws(HostIOError) {
        // SAFETY: the string lives until the call returns.
        guard unsafe access(paths.function(address), F_OK) != 0 else { return }
        throw .vanished(address)
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
    private func write(_ text: String, toFile path: String, _ action: HostAction) throws(HostIOError) {
        func problem(_ errno: CInt) -> HostIOError {
            .refusedByKernel(action: action.description, path: path, errno: errno)
        }
        // Without O_CREAT: a missing attribute must be an error. O_TRUNC is for trees of plain files; sysfs ignores it.
        // SAFETY: the string lives until the call returns.
        let file = unsafe open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)
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
