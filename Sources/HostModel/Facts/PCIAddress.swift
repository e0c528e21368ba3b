// SPDX-License-Identifier: GPL-3.0-or-later

/// The address of a function on the PCI bus: domain, bus, device, function.
///
/// Always printed in full, `0000:3b:00.0`. A domain can have more than four digits (VMD and Hyper-V have such domains).
///
/// Source: the folder names of `bus/pci/devices`, Documentation/PCI/sysfs-pci.rst.
public struct PCIAddress: Hashable, Sendable {
    /// 0 to 0xffffffff; printed with at least four hexadecimal digits.
    public let domain: UInt32
    /// 0 to 255.
    public let bus: UInt8
    /// 0 to 31; `slot` in libvirt's XML.
    public let device: UInt8
    /// 0 to 7.
    public let function: UInt8

    /// - Returns: nil if `device` or `function` is out of range.
    public init?(domain: UInt32, bus: UInt8, device: UInt8, function: UInt8) {
        guard device < 32, function < 8 else { return nil }
        self.domain = domain
        self.bus = bus
        self.device = device
        self.function = function
    }

    /// Reads `DDDD:BB:DD.F`, or `BB:DD.F` for domain 0, as lspci prints it.
    ///
    /// - Throws: ``MalformedValue``.
    public init(_ text: String) throws(MalformedValue) {
        if let usual = PCIAddress(canonical: text.utf8.span) {
            self = usual
            return
        }
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

    /// Reads only the format that the kernel and ``description`` print: `0000:3b:00.0` in lower case.
    public init?(canonical text: Span<UInt8>) {
        // DDDD:BB:DD.F from the end; the domain is the rest.
        let end = text.count
        guard end >= 12, end <= 16, text[end - 2] == UInt8(ascii: "."), text[end - 5] == UInt8(ascii: ":"),
            text[end - 8] == UInt8(ascii: ":"), end == 12 || text[0] != UInt8(ascii: "0")
        else { return nil }
        func number(_ range: Range<Int>) -> UInt32? {
            var value: UInt32 = 0
            for position in range {
                let byte = text[position]
                guard let digit = HexDigit.value(byte), byte | 0x20 == byte else { return nil }
                value = value << 4 | UInt32(digit)
            }
            return value
        }
        guard let domain = number(0..<end - 8), let bus = number(end - 7..<end - 5),
            let device = number(end - 4..<end - 2), let function = number(end - 1..<end)
        else { return nil }
        self.init(
            domain: domain, bus: UInt8(bus), device: UInt8(truncatingIfNeeded: device), function: UInt8(function))
        guard device < 32 else { return nil }
    }

    private static func hex(_ digits: Substring, digits count: ClosedRange<Int>) -> UInt32? {
        guard count.contains(digits.count), digits.allSatisfy(\.isHexDigit) else { return nil }
        return UInt32(digits, radix: 16)
    }
}

extension PCIAddress: CustomStringConvertible {
    public var description: String {
        let domainDigits = domain > 0xffff ? (35 - domain.leadingZeroBitCount) / 4 : 4
        var text = [16 of UInt8](repeating: 0)
        var end = 0
        func put(_ value: UInt32, digits: Int, then separator: UInt8? = nil) {
            for position in (0..<digits).reversed() {
                text[end] = HexDigit.character(UInt8(truncatingIfNeeded: value >> UInt32(4 * position)) & 0xf)
                end += 1
            }
            guard let separator else { return }
            text[end] = separator
            end += 1
        }
        put(domain, digits: domainDigits, then: UInt8(ascii: ":"))
        put(UInt32(bus), digits: 2, then: UInt8(ascii: ":"))
        put(UInt32(device), digits: 2, then: UInt8(ascii: "."))
        put(UInt32(function), digits: 1)
        // Digits are always valid UTF-8.
        return String(text: text.span.extracting(..<end)) ?? ""
    }
}

extension PCIAddress: Comparable {
    public static func < (left: PCIAddress, right: PCIAddress) -> Bool {
        (left.domain, left.bus, left.device, left.function) < (right.domain, right.bus, right.device, right.function)
    }
}

extension PCIAddress: TextCodable {}

extension PCIAddress {
    /// Whether both are functions of one device.
    public func isOnSameDevice(as other: PCIAddress) -> Bool {
        (domain, bus, device) == (other.domain, other.bus, other.device)
    }
}

/// Hexadecimal digits as bytes of text.
public enum HexDigit {
    /// 0 to 15; nil for a character that is not a hexadecimal digit. Upper case is accepted.
    public static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// In lower case.
    ///
    /// - Parameter value: 0 to 15.
    public static func character(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

extension FixedWidthInteger {
    /// Lower-case hexadecimal with leading zeros up to `width` digits.
    public func hex(_ width: Int) -> String {
        let digits = String(self, radix: 16)
        return digits.utf8.count >= width ? digits : String(repeating: "0", count: width - digits.utf8.count) + digits
    }
}

extension String {
    /// nil if the bytes are not UTF-8.
    public init?(text bytes: Span<UInt8>) {
        guard let text = try? UTF8Span(validating: bytes) else { return nil }
        self.init(copying: text)
    }
}
