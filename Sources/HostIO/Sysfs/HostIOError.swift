// SPDX-License-Identifier: GPL-3.0-or-later
import CNetlinkRoute
import Glibc
public import HostModel
import SystemPackage

/// Why the host could not be read or changed.
public enum HostIOError: Sendable, Equatable {
    /// There is no `sys` below the root: no host can be read there.
    case noSysfs(root: String)
    /// The function was removed, before or during the work.
    case vanished(PCIAddress)
    /// A file or folder that the answer needs.
    case unreadable(path: String, errno: Int32)
    /// The kernel refused a write, or the attribute does not exist.
    case refusedByKernel(action: String, path: String, errno: Int32)
    /// The physical function has no network interface through which its VFs could be set.
    case noInterface(PCIAddress)
    /// rtnetlink refused; `code` is libnl's, `interface` an ifindex.
    case netlink(action: String, interface: Int, code: Int32)
    /// rtnetlink and udev only reach the running host, and the root names another one.
    case notThisHost(root: String)
    /// The event source could not be opened.
    case noEvents(call: String, errno: Int32)
}

extension HostIOError: KernelAnswering {
    public var answer: KernelAnswer? {
        switch self {
        case .netlink(_, _, NLE_AGAIN), .refusedByKernel(_, _, EAGAIN): .again
        case .netlink(_, _, NLE_BUSY), .refusedByKernel(_, _, EBUSY): .busy
        case .netlink(_, _, NLE_INVAL), .refusedByKernel(_, _, EINVAL): .invalid
        default: nil
        }
    }
}

extension HostIOError: Reportable {
    public var report: ErrorReport {
        switch self {
        case .noSysfs(let root):
            ErrorReport(.failed, "internal", root, "cannot read the host below \(root): it has no sys folder")
        case .vanished(let address): ErrorReport(.failed, "internal", address, "\(address) was removed")
        case .unreadable(let path, let errno):
            ErrorReport(.failed, "internal", path, "cannot read \(path): \(Self.reason(errno))")
        case .refusedByKernel(let action, let path, let errno):
            ErrorReport(
                .failed, "internal", path,
                "cannot \(action): the kernel refused the write to \(path): \(Self.reason(errno))")
        case .noInterface(let address):
            ErrorReport(
                .failed, "internal", address, "cannot set the VFs of \(address): it has no network interface")
        case .netlink(let action, let interface, let code):
            ErrorReport(
                .failed, "internal", interface,
                "cannot \(action) on interface \(interface): \(VFSettingsLink.reason(code))")
        case .notThisHost(let root):
            ErrorReport(
                .failed, "internal", root, "cannot reach the kernel of the host below \(root): it is not running here")
        case .noEvents(let call, let errno):
            ErrorReport(.failed, "internal", "host", "cannot listen for device events: \(call): \(Self.reason(errno))")
        }
    }

    private static func reason(_ errno: Int32) -> String { Errno(rawValue: errno).description }
}
