// SPDX-License-Identifier: GPL-3.0-or-later

/// Where the daemon listens when nobody says otherwise.
public enum SocketPath {
    public static let standard = "/run/buslane/buslane.sock"
    /// Names another socket.
    public static let environmentVariable = "BUSLANE_SOCKET"
}

/// Where the hook leaves what it could not tell: a ``HookRequest`` a file, in the order of their names.
///
/// Losing it costs nothing but time: the daemon also sees which guests run.
package enum SpoolPlace {
    package static let standard = "/var/lib/buslane/spool"
    /// Names another folder.
    package static let environmentVariable = "BUSLANE_SPOOL"
    /// What is still being written has another ending.
    package static let fileEnding = ".json"
    package static let maximumFiles = 1024
    /// In bytes, each. A domain's XML has some kilobytes.
    package static let maximumSize = 1 << 20
}
