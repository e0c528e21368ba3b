// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc

/// The IP addresses of the host's interfaces, as `10.0.0.2/24`.
///
/// Link-local IPv6 addresses are left out: every interface that is up has one, so it does not show a use.
///
/// Source: getifaddrs(3).
enum InterfaceAddresses {
    /// By interface name; nil when the kernel does not answer.
    static func all() -> [String: [String]]? {
        var first: UnsafeMutablePointer<ifaddrs>?
        // SAFETY: the library writes one pointer, to a list that is ours.
        guard unsafe getifaddrs(&first) == 0 else { return nil }
        defer { unsafe freeifaddrs(first) }
        var addresses: [String: [String]] = [:]
        var next = unsafe first
        // SAFETY: the list ends with NULL, and lives until the end of this call.
        while let entry = unsafe next {
            if let text = unsafe text(of: entry.pointee) {
                unsafe addresses[String(cString: entry.pointee.ifa_name), default: []].append(text)
            }
            unsafe next = entry.pointee.ifa_next
        }
        return addresses
    }

    @unsafe private static func text(of entry: ifaddrs) -> String? {
        guard let address = unsafe entry.ifa_addr, let mask = unsafe entry.ifa_netmask else { return nil }
        switch unsafe CInt(address.pointee.sa_family) {
        case AF_INET:
            // SAFETY: the family determines the structure of the address and of the mask.
            let (own, net) = unsafe (
                address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { unsafe $0.pointee.sin_addr },
                mask.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { unsafe $0.pointee.sin_addr }
            )
            return unsafe printed(AF_INET, withUnsafeBytes(of: own) { unsafe Array($0) })
                .map { "\($0)/\(net.s_addr.nonzeroBitCount)" }
        case AF_INET6:
            // SAFETY: as above.
            let (own, net) = unsafe (
                address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                    unsafe withUnsafeBytes(of: $0.pointee.sin6_addr) { unsafe Array($0) }
                },
                mask.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                    unsafe withUnsafeBytes(of: $0.pointee.sin6_addr) { unsafe Array($0) }
                }
            )
            // fe80::/10
            guard own[0] != 0xfe || own[1] & 0xc0 != 0x80 else { return nil }
            return printed(AF_INET6, own).map { "\($0)/\(net.reduce(0) { $0 + $1.nonzeroBitCount })" }
        default: return nil
        }
    }

    private static func printed(_ family: CInt, _ bytes: [UInt8]) -> String? {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        // SAFETY: both arrays lend their bytes until the call returns.
        guard unsafe inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
