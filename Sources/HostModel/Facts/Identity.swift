// SPDX-License-Identifier: GPL-3.0-or-later

/// The function's ids and class, from its config space. nil for what is not known.
public struct Identity: Hashable, Sendable {
    public var vendor: UInt16?
    public var device: UInt16?
    public var subsystemVendor: UInt16?
    public var subsystemDevice: UInt16?
    /// Base class, subclass and programming interface: 24 bits.
    public var classCode: UInt32?
    public var revision: UInt8?

    public init(
        vendor: UInt16?, device: UInt16?, subsystemVendor: UInt16? = 0, subsystemDevice: UInt16? = 0,
        classCode: UInt32?, revision: UInt8? = 0
    ) {
        self.vendor = vendor
        self.device = device
        self.subsystemVendor = subsystemVendor
        self.subsystemDevice = subsystemDevice
        self.classCode = classCode
        self.revision = revision
    }

    /// Nothing is known. It is not a bridge, so the function counts in its group.
    public static let unknown = Identity(
        vendor: nil, device: nil, subsystemVendor: nil, subsystemDevice: nil, classCode: nil, revision: nil)

    /// The top byte of the class code: 02 network, 03 display, 06 bridge.
    public var baseClass: UInt8? { classCode.map { UInt8(truncatingIfNeeded: $0 >> 16) } }

    /// The class code without its programming interface: 0604 is a PCI bridge.
    public var subclass: UInt32? { classCode.map { $0 >> 8 } }

    public var isBridge: Bool { baseClass == 0x06 }

    /// Source: PCI Code and ID Assignment Specification, class 02: 00 is Ethernet; 80, "other", is used by some Ethernet
    /// cards.
    ///
    /// - Parameter classCode: 24 bits.
    public static func isEthernet(classCode: UInt32) -> Bool { [0x0200, 0x0280].contains(classCode >> 8) }
}
