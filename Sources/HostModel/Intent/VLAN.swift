// SPDX-License-Identifier: GPL-3.0-or-later

/// An IEEE 802.1Q VLAN id, 1 to 4094.
public struct VLANID: Hashable, Sendable, TextCodable {
    public let rawValue: UInt16

    public static let range = 1...4094

    /// - Returns: nil outside ``range``. 0 means "no VLAN", and 4095 is reserved.
    public init?(_ value: Int) {
        guard Self.range.contains(value) else { return nil }
        rawValue = UInt16(value)
    }

    public init(_ text: String) throws(MalformedValue) {
        // 0100 is 64 to some programs, and 100 to people.
        guard let number = Int(text), String(number) == text, let vlan = VLANID(number) else {
            throw MalformedValue(
                kind: "VLAN id", text: text,
                expected: "a number from \(Self.range.lowerBound) to \(Self.range.upperBound)")
        }
        self = vlan
    }

    /// Reads a number. A string, as earlier versions wrote it, is accepted too.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            try self.init((try? container.decode(Int.self)).map(String.init) ?? container.decode(String.self))
        } catch let error as MalformedValue {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: error.description, underlyingError: error))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Int(rawValue))
    }

    public var description: String { String(rawValue) }
}

/// The type of a VLAN tag.
public enum VLANProtocol: String, Hashable, Sendable, Codable, CaseIterable {
    /// The customer tag, the usual meaning of "VLAN". EtherType 0x8100.
    case dot1Q = "802.1Q"
    /// The provider tag, outside the guest's own tags (QinQ). EtherType 0x88a8.
    case dot1ad = "802.1ad"
}

/// The tag that a PF adds to every frame of a VF.
public struct VLANTag: Hashable, Sendable, Codable {
    public static let priorities = 0...7

    public let id: VLANID
    /// Priority code point, 0 to 7.
    public let qos: Int
    public let `protocol`: VLANProtocol

    public init(_ id: VLANID, qos: Int = 0, protocol: VLANProtocol = .dot1Q) {
        self.id = id
        self.qos = qos
        self.protocol = `protocol`
    }
}

extension VLANTag: CustomStringConvertible {
    /// `42`, or with priority and protocol if they are not the defaults: `42 qos 3 802.1ad`.
    public var description: String {
        id.description + (qos == 0 ? "" : " qos \(qos)") + (`protocol` == .dot1Q ? "" : " \(`protocol`.rawValue)")
    }
}

extension VFSettings {
    /// One tag, or none. The kernel sets the three parts of a tag only together.
    ///
    /// Source: `ifla_vf_vlan_info`, include/uapi/linux/if_link.h.
    public enum VLANChoice: Hashable, Sendable {
        case none
        case tag(VLANTag)

        /// A plain 802.1Q tag without priority.
        public static func id(_ id: VLANID) -> VLANChoice { .tag(VLANTag(id)) }
    }
}

extension VFSettings.VLANChoice: Codable {
    private enum CodingKeys: String, CodingKey {
        case none, tag
        /// A tag as version 0.1 wrote it: only an id.
        case id
    }

    private struct Nothing: Codable {}

    private struct PlainID: Codable {
        let id: VLANID

        enum CodingKeys: String, CodingKey { case id = "_0" }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let tag = try container.decodeIfPresent(VLANTag.self, forKey: .tag) {
            self = .tag(tag)
        } else if let plain = try container.decodeIfPresent(PlainID.self, forKey: .id) {
            self = .id(plain.id)
        } else {
            _ = try container.decode(Nothing.self, forKey: .none)
            self = .none
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .none: try container.encode(Nothing(), forKey: .none)
        case .tag(let tag): try container.encode(tag, forKey: .tag)
        }
    }
}
