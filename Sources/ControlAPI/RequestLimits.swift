// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// The limits of requests that no other type knows.
public enum RequestLimits {
    /// Of a request's body, in bytes. A domain's XML has some kilobytes.
    public static let body = 8 << 20
    /// Functions and claims in one request. No PCI segment has more functions.
    public static let functions = 65_536
    /// Devices of one domain.
    public static let devices = DeviceName.most
    /// Seconds; a year.
    static let life = 1...31_536_000
    /// Seconds; a day.
    static let patience = 1...86_400
    /// Seconds; an hour. For a guest to answer.
    static let guestPatience = 1...3_600
    /// Whole numbers that every JSON reader keeps. Source: RFC 8259, 6.
    public static let whole = 0...9_007_199_254_740_991

    /// Entries of the audit trail in one answer.
    public static let auditPage = 1...1_000

    /// Names of domains and devices, and ids. In Unicode scalars, as all lengths of strings.
    static let name = 1...255
    /// Source: `PATH_MAX` without its null byte, include/uapi/linux/limits.h.
    static let path = 1...4_095
}
