// SPDX-License-Identifier: GPL-3.0-or-later

/// A change of a domain's devices that was begun: recorded before its first step, so that it is finished or undone after
/// a crash.
public struct DeviceChange: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable {
        /// Into the running guest, then into the persistent XML.
        case attaching
        /// Out of the running guest, then out of the persistent XML.
        case detaching
        /// Out of the running guest, together with all others.
        case evicting
        /// Out of the running guest until it is readmitted or the domain stops; its claim stays.
        case evicted
    }

    /// The UUID, in lower case.
    public let domain: String
    public let domainName: String
    /// The device's name.
    public let device: String
    public let kind: Kind

    public init(domain: String, domainName: String, device: String, kind: Kind) {
        self.domain = domain
        self.domainName = domainName
        self.device = device
        self.kind = kind
    }
}
