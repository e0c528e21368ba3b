// SPDX-License-Identifier: GPL-3.0-or-later
import CNetlinkGeneric
import Glibc
import HostModel

/// A devlink socket that reads the mode of a card's embedded switch.
///
/// Source: Documentation/networking/devlink/devlink-eswitch-attr.rst; include/uapi/linux/devlink.h.
@safe struct DevlinkSocket: ~Copyable {
    private let socket: OpaquePointer
    private let family: CInt

    private enum Number {
        static let eswitchGet: UInt8 = 29
        static let busName: CInt = 1
        static let deviceName: CInt = 2
        static let eswitchMode: UInt16 = 25
    }

    /// nil when the kernel has no devlink.
    init?() {
        // SAFETY: the function takes no argument and returns a new object or NULL.
        guard let socket = unsafe nl_socket_alloc() else { return nil }
        guard unsafe genl_connect(socket) == 0 else {
            unsafe nl_socket_free(socket)
            return nil
        }
        // SAFETY: the socket is connected; the literal outlives the call.
        let family = unsafe genl_ctrl_resolve(socket, "devlink")
        guard family > 0 else {
            unsafe nl_socket_free(socket)
            return nil
        }
        unsafe nl_socket_disable_auto_ack(socket)
        // The kernel answers within the send, so a missing answer was lost.
        var limit = timeval(tv_sec: 1, tv_usec: 0)
        // SAFETY: the socket is connected; the kernel copies the structure before the call returns.
        _ = unsafe setsockopt(
            nl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        unsafe self.socket = socket
        self.family = family
    }

    // SAFETY: this value is the socket's only owner.
    deinit { unsafe nl_socket_free(socket) }

    /// nil for a device that devlink does not know, or that has no switch.
    ///
    /// - Parameters:
    ///   - bus: the device's bus, `pci` for a function.
    ///   - device: the device's name on the bus, for a function its address.
    func eswitchMode(bus: String = "pci", device: String) -> SRIOV.ESwitchMode? {
        // SAFETY: the message is ours, and is freed at the end of this call.
        guard let message = unsafe nlmsg_alloc() else { return nil }
        defer { unsafe nlmsg_free(message) }
        unsafe genlmsg_put(message, 0, 0, family, 0, 0, Number.eswitchGet, 1)
        // SAFETY: the library copies the strings into the message.
        guard unsafe nla_put_string(message, Number.busName, bus) == 0,
            unsafe nla_put_string(message, Number.deviceName, device) == 0,
            unsafe nl_send_auto(socket, message) > 0
        else { return nil }
        var buffer = [UInt8](repeating: 0, count: 8192)
        // SAFETY: the kernel writes at most the length of the buffer, which lends its bytes until the call returns.
        let count = unsafe buffer.withUnsafeMutableBytes {
            unsafe recv(nl_socket_get_fd(socket), $0.baseAddress, $0.count, 0)
        }
        return count > 0 ? Self.mode(in: buffer.span.extracting(..<count)) : nil
    }

    /// Parses a reply: `struct nlmsghdr` of 16 bytes, `struct genlmsghdr` of 4, then attributes of length, type, value.
    static func mode(in answer: Span<UInt8>) -> SRIOV.ESwitchMode? {
        func half(_ offset: Int) -> UInt16 { UInt16(answer[offset]) | UInt16(answer[offset + 1]) << 8 }
        // A type below 16 is an error message.
        guard answer.count >= 20, half(4) >= 16 else { return nil }
        var start = 20
        while start + 4 <= answer.count {
            let length = Int(half(start))
            guard length >= 4, start + length <= answer.count else { return nil }
            // The two highest bits of a type are flags.
            if half(start + 2) & 0x3fff == Number.eswitchMode, length >= 6 {
                switch half(start + 4) {
                case 0: return .legacy
                case 1: return .switchdev
                default: return nil
                }
            }
            start += (length + 3) & ~3
        }
        return nil
    }
}
