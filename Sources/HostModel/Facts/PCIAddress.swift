// SPDX-License-Identifier: GPL-3.0-or-later

/// Where a function sits on the PCI bus: domain, bus, device, function.
///
/// Always printed in full, `0000:3b:00.0`; a domain may have more than four digits (VMD and Hyper-V use them).
///
/// Source: the folder names of `bus/pci/devices`, Documentation/PCI/sysfs-pci.rst.
public struct PCIAddress: Hashable, Sendable {
    /// 0 to 0xffffffff; four hexadecimal digits at least when printed.
    public let domain: UInt32
    /// 0 to 255.
    public let bus: UInt8
    /// 0 to 31. Called `slot` in libvirt's XML.
    public let device: UInt8
    /// 0 to 7.
    public let function: UInt8

    /// - Returns: nil when `device` or `function` is out of range.
    public init?(domain: UInt32, bus: UInt8, device: UInt8, function: UInt8) {
        guard device < 32, function < 8 else { return nil }
        self.domain = domain
        self.bus = bus
        self.device = device
        self.function = function
    }

    /// Reads `DDDD:BB:DD.F`, or `BB:DD.F` for domain 0 as lspci prints it.
    ///
    /// - Throws: ``MalformedValue`` that quotes the text.
    public init(_ text: String) throws(MalformedValue) {
        let problem = MalformedValue(
            kind: "PCI address", text: text, expected: "DDDD:BB:DD.F in hexadecimal, like 0000:3b:00.0")
        let colonParts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard colonParts.count == 2 || colonParts.count == 3, let tail = colonParts.last else { throw problem }
        let slot = tail.split(separator: ".", omittingEmptySubsequences: false)
        let head = colonParts.dropLast()
        guard slot.count == 2, let bus = head.last.flatMap({ Self.hex($0, digits: 1...2) }),
            let device = Self.hex(slot[0], digits: 1...2), let function = Self.hex(slot[1], digits: 1...1)
        else { throw problem }
        var domain: UInt32 = 0
        if head.count == 2 {
            guard let given = Self.hex(head[0], digits: 1...8) else { throw problem }
            domain = given
        }
        guard
            let address = PCIAddress(
                domain: domain, bus: UInt8(bus), device: UInt8(truncatingIfNeeded: device),
                function: UInt8(function)), device < 32
        else { throw problem }
        self = address
    }

    private static func hex(_ digits: Substring, digits count: ClosedRange<Int>) -> UInt32? {
        guard count.contains(digits.count), digits.allSatisfy(\.isHexDigit) else { return nil }
        return UInt32(digits, radix: 16)
    }
}

extension PCIAddress: CustomStringConvertible {
    public var description: String {
        "\(domain.hex(4)):\(bus.hex(2)):\(device.hex(2)).\(function)"
    }
}

extension PCIAddress: Comparable {
    public static func < (left: PCIAddress, right: PCIAddress) -> Bool {
        (left.domain, left.bus, left.device, left.function) < (right.domain, right.bus, right.device, right.function)
    }
}

extension PCIAddress: TextCodable {}

extension FixedWidthInteger {
    /// Lower-case hexadecimal with leading zeros up to `width` digits.
    public func hex(_ width: Int) -> String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
    }
}
