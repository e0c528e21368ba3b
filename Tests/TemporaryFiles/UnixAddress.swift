// SPDX-License-Identifier: GPL-3.0-or-later
public import Glibc

/// The address of a unix socket, for bind(2) and connect(2).
///
/// - Parameters:
///   - path: at most 107 bytes.
///   - call: gets the address and its size.
public func withUnixAddress(
    _ path: String, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32
) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            call($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}
