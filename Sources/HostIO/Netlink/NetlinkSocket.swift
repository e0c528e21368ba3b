// SPDX-License-Identifier: GPL-3.0-or-later
import CNetlinkRoute

/// An `nl_sock` that is connected to rtnetlink.
///
/// Source: rtnetlink(7).
@safe package struct NetlinkSocket: ~Copyable {
    /// libnl's own object. Valid while this value lives.
    package let raw: OpaquePointer

    /// - Throws: ``HostIOError/netlink(action:interface:code:)`` when the socket cannot be opened.
    package init() throws(HostIOError) {
        // SAFETY: the function takes no argument and returns a new object or NULL.
        guard let socket = unsafe nl_socket_alloc() else {
            throw .netlink(action: "open a socket", interface: 0, code: NLE_NOMEM)
        }
        // SAFETY: the socket was just allocated; it is freed here if it does not connect.
        let code = unsafe nl_connect(socket, NETLINK_ROUTE)
        guard code >= 0 else {
            unsafe nl_socket_free(socket)
            throw .netlink(action: "open a socket", interface: 0, code: -code)
        }
        unsafe raw = socket
    }

    // SAFETY: this value is the socket's only owner.
    deinit { unsafe nl_socket_free(raw) }

    /// libnl's text for one of its error codes.
    static func reason(_ code: Int32) -> String {
        // SAFETY: the library returns a constant string.
        unsafe nl_geterror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }
}
