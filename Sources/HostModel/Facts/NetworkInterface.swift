// SPDX-License-Identifier: GPL-3.0-or-later

/// A network interface that a function's driver created. Source: `ADDRESS/net/NAME/`.
public struct NetworkInterface: Hashable, Sendable {
    /// A rename changes it: it does not identify the interface.
    public let name: String
    /// The kernel's ifindex, stable until the interface vanishes; nil if unknown, as in a captured tree without it.
    public let index: Int?
    public let mac: MACAddress?
    /// RFC 2863 state: `up`, `down`, `unknown`, … Source: `operstate`.
    public let state: String
    /// It is set up (`IFF_UP` of `flags`), with or without a carrier; nil if unknown.
    public let isSetUp: Bool?
    /// nil without a carrier.
    public var speedMbps: Int?
    public let mtu: Int?
    /// The bridge or bond it belongs to. Source: the `master` link.
    public let master: String?
    /// Interfaces on top of it: VLANs, macvtaps, and its master too. Source: the `upper_NAME` links.
    public let uppers: [String]
    /// The host's own addresses on it, `10.0.0.2/24`, without link-local ones; nil if not read.
    public var addresses: [String]?
    /// Where it is on its card.
    public var port: PortFacts

    public init(
        name: String, index: Int?, mac: MACAddress?, state: String, isAdministrativelyUp: Bool?, speedMbps: Int? = nil,
        mtu: Int? = nil, master: String? = nil, uppers: [String] = [], addresses: [String]? = nil,
        port: PortFacts = PortFacts()
    ) {
        self.name = name
        self.index = index
        self.mac = mac
        self.state = state
        isSetUp = isAdministrativelyUp
        self.speedMbps = speedMbps
        self.mtu = mtu
        self.master = master
        self.uppers = uppers
        self.addresses = addresses
        self.port = port
    }

    /// Not known to be down. Unknown counts as up: an interface that may be in use is not taken from the host, and none
    /// is reported as down that may be up.
    public var isAdministrativelyUp: Bool { isSetUp != false }
}
