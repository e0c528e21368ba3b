// SPDX-License-Identifier: GPL-3.0-or-later

/// The path from a root port through each bridge to a function: `0000:3a:00.0/00.0`.
///
/// The first part is an address, the others are only device and function. Bus numbers below a root port may change when a
/// card is added or removed; the path to a slot stays the same.
///
/// Source: what `lspci -D -P` prints.
public struct SlotPath: Hashable, Sendable, TextCodable {
    public let root: PCIAddress
    public let steps: [Step]

    public struct Step: Hashable, Sendable {
        public let device: UInt8
        public let function: UInt8
    }

    /// Reads `DDDD:BB:DD.F/DD.F/…`, or `BB:DD.F/…` for domain 0.
    public init(_ text: String) throws(MalformedValue) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let problem = MalformedValue(
            kind: "path to a slot", text: text, expected: "a root port and a device behind it, like 0000:3a:00.0/00.0")
        guard let first = parts.first, let root = try? PCIAddress(String(first)) else { throw problem }
        var steps: [Step] = []
        for part in parts.dropFirst() {
            // The same rules as for the end of an address; the bus does not matter.
            guard let place = try? PCIAddress("0000:00:" + part) else { throw problem }
            steps.append(Step(device: place.device, function: place.function))
        }
        self.root = root
        self.steps = steps
    }

    /// The path to a function; nil if a bridge above it is not in the snapshot.
    public init?(of function: Function, on host: HostSnapshot) {
        var steps: [Step] = []
        var current = function
        while let parent = current.parent {
            // No real bus tree is that deep: this is a cycle.
            guard steps.count < 64, let above = host[parent] else { return nil }
            steps.append(Step(device: current.address.device, function: current.address.function))
            current = above
        }
        root = current.address
        self.steps = steps.reversed()
    }

    public var description: String {
        ([root.description] + steps.map { "\($0.device.hex(2)).\($0.function)" }).joined(separator: "/")
    }
}

/// A device class, or the first part of one: `02` network, `0200` Ethernet, `010802` NVMe.
///
/// Source: the `class` attribute; PCI Code and ID Assignment Specification.
public struct ClassPrefix: Hashable, Sendable, TextCodable {
    /// Two, four or six lower-case hexadecimal digits.
    public let description: String

    public init(_ text: String) throws(MalformedValue) {
        guard [2, 4, 6].contains(text.count), text.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
            throw MalformedValue(
                kind: "device class", text: text, expected: "2, 4 or 6 hexadecimal digits in quotes, like \"0200\"")
        }
        description = text.lowercased()
    }

    func covers(_ classCode: UInt32) -> Bool { classCode.hex(6).hasPrefix(description) }
}
