// SPDX-License-Identifier: GPL-3.0-or-later

/// An IEEE 802.1Q VLAN id, 1 to 4094.
public struct VLANID: Hashable, Sendable, TextCodable {
    public let rawValue: UInt16

    /// - Returns: nil outside 1 to 4094: 0 means "no VLAN" and 4095 is reserved.
    public init?(_ value: Int) {
        guard (1...4094).contains(value) else { return nil }
        rawValue = UInt16(value)
    }

    public init(_ text: String) throws(MalformedValue) {
        guard let number = Int(text), let vlan = VLANID(number) else {
            throw MalformedValue(kind: "VLAN id", text: text, expected: "a number from 1 to 4094")
        }
        self = vlan
    }

    /// A number; what was written down as a text, as earlier versions did, is still read.
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

/// Which kind of tag a VLAN is written with.
public enum VLANProtocol: String, Hashable, Sendable, Codable, CaseIterable {
    /// The customer's tag, what "VLAN" means as a rule. EtherType 0x8100.
    case dot1Q = "802.1Q"
    /// The provider's tag, outside the guest's own ones (QinQ). EtherType 0x88a8.
    case dot1ad = "802.1ad"
}

/// The tag that a PF puts on every frame of a VF.
public struct VLANTag: Hashable, Sendable, Codable {
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
    /// `42`; `42 qos 3 802.1ad` where it is no plain one.
    public var description: String {
        id.description + (qos == 0 ? "" : " qos \(qos)") + (`protocol` == .dot1Q ? "" : " \(`protocol`.rawValue)")
    }
}

extension VFSettings {
    /// A VF has one tag, or none. The three parts of a tag are set together: the kernel knows no other way.
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
        /// How version 0.1 wrote a tag, when that was an id and nothing more.
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
