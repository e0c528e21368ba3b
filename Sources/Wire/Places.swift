// SPDX-License-Identifier: GPL-3.0-or-later

/// Where the daemon listens by default.
public enum SocketPath {
    public static let standard = "/run/buslane/buslane.sock"
    /// Root's own socket. Other users cannot take its capacity.
    public static let root = SocketPath.root(beside: standard)
    /// Names another socket.
    public static let environmentVariable = "BUSLANE_SOCKET"

    /// The sockets to try, in this order, until one takes the connection.
    ///
    /// - Parameter named: the socket that the caller named: no other is tried.
    public static func choices(named: String?, asRoot: Bool) -> [String] {
        if let named { return [named] }
        return asRoot ? [root, standard] : [standard]
    }

    /// The name under which the daemon binds a socket. It renames it into its place when it is ready, and the kernel goes on to
    /// list it under this name.
    public static func bound(for socket: String) -> String { socket + ".new" }

    /// The name of root's socket in the folder of a daemon's ordinary socket.
    package static func root(beside socket: String) -> String {
        String(socket[..<(socket.lastIndex(of: "/").map { socket.index(after: $0) } ?? socket.startIndex)])
            + "admin.sock"
    }
}

/// Where the hook leaves reports that it could not deliver: one ``HookRequest`` a file, in name order.
///
/// Losing a file costs time only: the daemon also sees which guests run.
package enum SpoolPlace {
    package static let standard = "/var/lib/buslane/spool"
    /// Names another folder.
    package static let environmentVariable = "BUSLANE_SPOOL"
    /// Incomplete files have another ending.
    package static let fileEnding = ".json"
    package static let maximumFiles = 1024
    /// In bytes, each. A domain's XML has some kilobytes.
    package static let maximumSize = 1 << 20
}
