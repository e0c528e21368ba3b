// SPDX-License-Identifier: GPL-3.0-or-later
import CNetlinkRoute
import Glibc
public import HostModel
import SystemPackage

/// What kept the host from being read or changed.
public enum HostIOError: Error, Sendable, Equatable {
    /// There is no `sys` below the root: no host can be read there.
    case noSysfs(root: String)
    /// The function was removed, before or during the work.
    case vanished(PCIAddress)
    /// A file or folder without which there is no answer.
    case unreadable(path: String, errno: Int32)
    /// The kernel said no to a write, or the attribute does not exist.
    case refusedByKernel(action: String, path: String, errno: Int32)
    /// The physical function has no network interface through which its VFs could be set.
    case noInterface(PCIAddress)
    /// rtnetlink refused; `code` is libnl's, `interface` an ifindex.
    case netlink(action: String, interface: Int, code: Int32)
    /// rtnetlink and udev speak of the running host alone, and the root names another one.
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

extension HostIOError: CustomStringConvertible {
    /// Subject, what, why.
    public var description: String {
        switch self {
        case .noSysfs(let root): "cannot read the host below \(root): it has no sys folder"
        case .vanished(let address): "\(address) is no longer there"
        case .unreadable(let path, let errno): "cannot read \(path): \(Self.reason(errno))"
        case .refusedByKernel(let action, let path, let errno):
            "cannot \(action): the kernel refused the write to \(path): \(Self.reason(errno))"
        case .noInterface(let address): "\(address) has no network interface that its VFs could be set through"
        case .netlink(let action, let interface, let code):
            "cannot \(action) on interface \(interface): \(NetlinkSocket.reason(code))"
        case .notThisHost(let root): "cannot reach the kernel of the host below \(root): it is not the running one"
        case .noEvents(let call, let errno): "cannot listen for device events: \(call): \(Self.reason(errno))"
        }
    }

    private static func reason(_ errno: Int32) -> String { Errno(rawValue: errno).description }
}
