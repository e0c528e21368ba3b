// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// Something changed on the host: a reason to look again, never a fact by itself.
public struct HostEvent: Hashable, Sendable {
    /// The kernel's word: `add`, `remove`, `change`, `move`, `bind`, `unbind`; or ``overrun``.
    public let action: String
    /// `pci` or `net`; empty for ``overrun``.
    public let subsystem: String
    /// The function concerned, or the one an interface belongs to. nil for an interface of no card.
    public let address: PCIAddress?
    /// The interface concerned.
    public let interface: String?

    /// The interface's index, where rtnetlink told of it: that names no function.
    public let interfaceIndex: Int?

    public init(
        action: String, subsystem: String, address: PCIAddress? = nil, interface: String? = nil,
        interfaceIndex: Int? = nil
    ) {
        self.action = action
        self.subsystem = subsystem
        self.address = address
        self.interface = interface
        self.interfaceIndex = interfaceIndex
    }

    /// The subsystem of network interfaces.
    static let net = "net"

    /// Events were lost since they came faster than they were read: everything may have changed.
    public static let overrun = HostEvent(action: "overrun", subsystem: "")
}
