// SPDX-License-Identifier: GPL-3.0-or-later
import CNetlinkRoute
import Glibc

/// Receives changes of network interfaces over rtnetlink: state, speed, MTU, addresses, and the settings of a PF's VFs.
/// udev has no events for these.
///
/// Source: rtnetlink(7), `RTNLGRP_LINK`, include/uapi/linux/rtnetlink.h; `struct ifinfomsg`.
@safe final class LinkEvents: Sendable {
    let descriptor: CInt
    // SAFETY: only `init` and `deinit` use the socket; `receive` uses its descriptor.
    private nonisolated(unsafe) let socket: OpaquePointer

    private static let routeProtocol: CInt = 0
    /// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV6_IFADDR`.
    private static let groups: CInt = 0x1 | 0x10 | 0x100
    /// `RTM_NEWLINK`, `RTM_DELLINK`, `RTM_NEWADDR`, `RTM_DELADDR`.
    private static let types: Set<UInt16> = [16, 17, 20, 21]

    init() throws(HostIOError) {
        // SAFETY: the socket is ours; it is freed in `deinit`, or here when it does not connect.
        guard let socket = unsafe nl_socket_alloc() else { throw .noEvents(call: "nl_socket_alloc", errno: ENOMEM) }
        unsafe self.socket = socket
        unsafe nl_join_groups(socket, Self.groups)
        guard unsafe nl_connect(socket, Self.routeProtocol) == 0, unsafe nl_socket_set_nonblocking(socket) == 0 else {
            let problem = HostIOError.noEvents(call: "nl_connect", errno: errno)
            unsafe nl_socket_free(socket)
            throw problem
        }
        descriptor = unsafe nl_socket_get_fd(socket)
    }

    // SAFETY: this object is the socket's only owner.
    deinit { unsafe nl_socket_free(socket) }

    /// The events that have arrived, one for each interface; only ``HostEvent/overrun`` when some were lost.
    func receive() -> [HostEvent] {
        var buffer = [UInt8](repeating: 0, count: 65536)
        var indexes: Set<Int> = []
        var isOverrun = false
        while isOverrun || indexes.count < 4096 {
            // SAFETY: the kernel writes at most the length of the buffer, which lends its bytes until the call returns.
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count > 0 {
                Self.takeIndexes(buffer.span.extracting(..<count), into: &indexes)
            } else if count < 0, errno == ENOBUFS {
                isOverrun = true
            } else if count == 0 || errno != EINTR {
                break
            }
        }
        // After a loss the socket is emptied first; then the whole host is read.
        if isOverrun { return [.overrun] }
        return indexes.sorted().map { HostEvent(action: "change", subsystem: HostEvent.net, interfaceIndex: $0) }
    }

    /// Parses messages: `struct nlmsghdr` of 16 bytes, then `struct ifinfomsg` or `struct ifaddrmsg`, which both have
    /// the index at offset 4.
    static func takeIndexes(_ bytes: Span<UInt8>, into indexes: inout Set<Int>) {
        func word(_ offset: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
        }
        var start = 0
        while start + 16 <= bytes.count {
            let length = Int(word(start))
            guard length >= 16, start + length <= bytes.count else { return }
            let type = UInt16(bytes[start + 4]) | UInt16(bytes[start + 5]) << 8
            if types.contains(type), length >= 24 {
                indexes.insert(Int(Int32(bitPattern: word(start + 20))))
            }
            start += (length + 3) & ~3
        }
    }
}
