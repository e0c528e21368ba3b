// SPDX-License-Identifier: GPL-3.0-or-later
import CNetlinkRoute
import Glibc
public import HostModel
import SystemPackage

/// Why the host could not be read or changed.
public enum HostIOError: Sendable, Equatable {
    /// The root has no `sys` folder, so there is no host to read.
    case noSysfs(root: String)
    /// The function was removed, before the call or during it.
    case vanished(PCIAddress)
    /// A required file or folder cannot be read.
    case unreadable(path: String, errno: Int32)
    /// The kernel refused a write, or the attribute does not exist.
    case refusedByKernel(action: String, path: String, errno: Int32)
    /// The PF has no network interface, which is needed to configure its VFs.
    case noInterface(PCIAddress)
    /// rtnetlink reported an error. `code` is libnl's; `interface` is an ifindex.
    case netlink(action: String, interface: Int, code: Int32)
    /// The root is not `/`, and rtnetlink and udev only reach the running host.
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
        case .vanished(let address): ErrorReport(.failed, "internal", address, "\(address) no longer exists")
        case .unreadable(let path, let errno):
            ErrorReport(.failed, "internal", path, "cannot read \(path): \(Self.reason(errno))")
        case .refusedByKernel(let action, let path, let errno):
            ErrorReport(
                .failed, "internal", path,
                "cannot \(action): the kernel refused the write to \(path): \(Self.reason(errno))")
        case .noInterface(let address):
            ErrorReport(
                .failed, "internal", address,
                "\(address) has no network interface, which is needed to configure its VFs")
        case .netlink(let action, let interface, let code):
            ErrorReport(
                .failed, "internal", interface,
                "cannot \(action) on interface \(interface): \(NetlinkSocket.reason(code))")
        case .notThisHost(let root):
            ErrorReport(
                .failed, "internal", root,
                "cannot reach the kernel of the host below \(root): it is not the running host")
        case .noEvents(let call, let errno):
            ErrorReport(.failed, "internal", "host", "cannot receive device events: \(call): \(Self.reason(errno))")
        }
    }

    private static func reason(_ errno: Int32) -> String { Errno(rawValue: errno).description }
}
