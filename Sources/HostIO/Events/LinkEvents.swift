// SPDX-License-Identifier: GPL-3.0-or-later
import CNetlinkRoute
import Glibc

/// Which network interfaces changed, as rtnetlink tells it: state, speed, MTU, addresses, and what a card enforces for its
/// VFs. udev hears of none of these.
///
/// Source: rtnetlink(7), `RTNLGRP_LINK`, include/uapi/linux/rtnetlink.h; `struct ifinfomsg`.
@safe final class LinkEvents: Sendable {
    let descriptor: CInt
    // SAFETY: used at init and deinit alone; what comes is received from its descriptor.
    private nonisolated(unsafe) let socket: OpaquePointer

    private static let routeProtocol: CInt = 0
    /// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV6_IFADDR`.
    private static let groups: CInt = 0x1 | 0x10 | 0x100
    /// `RTM_NEWLINK`, `RTM_DELLINK`, `RTM_NEWADDR`, `RTM_DELADDR`.
    private static let types: Set<UInt16> = [16, 17, 20, 21]

    init() throws(HostIOError) {
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

    deinit { unsafe nl_socket_free(socket) }

    /// What has come, each interface once; ``HostEvent/overrun`` alone when some was lost.
    func receive() -> [HostEvent] {
        var buffer = [UInt8](repeating: 0, count: 65536)
        var indexes: Set<Int> = []
        var isOverrun = false
        while isOverrun || indexes.count < 4096 {
            // SAFETY: the kernel writes at most the length of the buffer that lends itself for the call.
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count > 0 {
                Self.takeIndexes(buffer.span.extracting(..<count), into: &indexes)
            } else if count < 0, errno == ENOBUFS {
                isOverrun = true
            } else if count == 0 || errno != EINTR {
                break
            }
        }
        // After a loss it is all taken first, and then everything looked at.
        if isOverrun { return [.overrun] }
        return indexes.sorted().map { HostEvent(action: "change", subsystem: HostEvent.net, interfaceIndex: $0) }
    }

    /// Walks over messages: `struct nlmsghdr` of 16 bytes, then `struct ifinfomsg` or `struct ifaddrmsg`, both with the
    /// index at 4.
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
