// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// A report that something changed on the host. It is a reason to read the host again, and not a fact itself.
public struct HostEvent: Hashable, Sendable {
    /// The kernel's name for the action: `add`, `remove`, `change`, `move`, `bind`, `unbind`; or ``overrun``.
    public let action: String
    /// `pci` or `net`; empty for ``overrun``.
    public let subsystem: String
    /// The function, or the function of the interface; nil for an interface without a function.
    public let address: PCIAddress?
    /// The name of the interface.
    public let interface: String?

    /// The interface's index, in an event from rtnetlink, which names no function.
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

    /// Events were lost because they arrived faster than they were read. Anything can have changed.
    public static let overrun = HostEvent(action: "overrun", subsystem: "")
}
