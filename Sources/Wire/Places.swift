// SPDX-License-Identifier: GPL-3.0-or-later

/// Where the daemon listens by default.
public enum SocketPath {
    public static let standard = "/run/buslane/buslane.sock"
    /// Names another socket.
    public static let environmentVariable = "BUSLANE_SOCKET"
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
