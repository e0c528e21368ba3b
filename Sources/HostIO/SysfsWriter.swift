// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
public import HostModel
import SystemPackage

/// Performs one effect on the host, and says whether the kernel took it.
///
/// It writes and does not verify: a write that was taken proves nothing until the host is read again, which is the
/// caller's part. A write can block for as long as a driver needs, and cannot be called off.
public struct SysfsWriter: Sendable {
    public let paths: HostPaths

    public init(paths: HostPaths = HostPaths()) { self.paths = paths }

    /// - Throws: ``HostIOError/refusedByKernel(action:path:errno:)``, ``HostIOError/vanished(_:)``, and for what goes
    ///   over rtnetlink ``HostIOError/netlink(action:interface:code:)``, ``HostIOError/noInterface(_:)`` and
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
            // 0 is the driver's own number. Source: `sriov_vf_msix_count_store`, drivers/pci/iov.c.
            try write(String(count ?? 0), to: "sriov_vf_msix_count", of: address, action)
        case .setDriverOverride(let address, let driver):
            // The empty text leaves the newline alone, which clears the override.
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
            let link = try VFSettingsLink()
            for interface in interfaces { try link.setLink(up: up, on: interface) }
        case .setMTU(let physical, let octets):
            let interfaces = try interfaces(of: physical)
            let link = try VFSettingsLink()
            for interface in interfaces { try link.setMTU(octets, on: interface) }
        case .setVFSettings(let virtual, let settings):
            let interfaces = try interfaces(of: virtual.physicalFunction)
            let link = try VFSettingsLink()
            guard let carrier = try link.settings(ofVFsOnAnyOf: interfaces) else {
                throw .noInterface(virtual.physicalFunction)
            }
            // A driver can refuse even what is so already.
            let rest = settings.difference(from: carrier.settings[virtual.index] ?? VFSettings())
            if !rest.isEmpty { try link.set(rest, ofVF: virtual.index, on: carrier.interface) }
        }
    }

    /// Takes the function from the driver it has at this moment; done already when it has none.
    private func unbind(_ address: PCIAddress, _ action: HostAction) throws(HostIOError) {
        do {
            try write(address.description, toFile: paths.function(address, "driver/unbind"), action)
        } catch {
            guard case .refusedByKernel(_, _, ENOENT) = error else { throw error }
            try requirePresence(of: address)
            // SAFETY: the string outlives the call; a length of 0 writes nothing.
            var probe = stat()
            let driver = paths.function(address, "driver")
            guard unsafe lstat(driver, &probe) != 0, errno == ENOENT else { throw error }
        }
    }

    /// The network interfaces of a PF: rtnetlink knows no PCI addresses.
    private func interfaces(of physical: PCIAddress) throws(HostIOError) -> [Int] {
        guard paths.isLive else { throw .notThisHost(root: paths.root) }
        try requirePresence(of: physical)
        let interfaces = SysfsReader(paths: paths).interfaceIndexes(of: physical)
        guard !interfaces.isEmpty else { throw .noInterface(physical) }
        return interfaces
    }

    private func requirePresence(of address: PCIAddress) throws(HostIOError) {
        // SAFETY: the string outlives the call, which keeps no pointer.
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

    /// One line in one write(2): sysfs takes each write as a whole value.
    private func write(_ text: String, toFile path: String, _ action: HostAction) throws(HostIOError) {
        func problem(_ errno: CInt) -> HostIOError {
            .refusedByKernel(action: action.description, path: path, errno: errno)
        }
        // Never creates: an attribute that is not there is an answer. Truncates for trees of plain files; sysfs
        // doesn't mind.
        // SAFETY: the string outlives the call, which keeps no pointer.
        let file = unsafe open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)
        guard file >= 0 else { throw problem(errno) }
        defer { close(file) }
        let line = Array((text + "\n").utf8)
        while true {
            // SAFETY: the array lends its bytes for the call.
            let count = unsafe Glibc.write(file, line, line.count)
            if count == line.count { return }
            if count >= 0 { throw problem(EIO) }
            guard errno == EINTR else { throw problem(errno) }
        }
    }
}
