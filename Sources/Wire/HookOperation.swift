// SPDX-License-Identifier: GPL-3.0-or-later

/// The step of a domain's life at which libvirt calls its hook.
///
/// Source: https://libvirt.org/hooks.html.
public enum HookOperation: Hashable, Sendable {
    /// Before libvirt sets the host up for a start. The hook's failure ends the start.
    case prepare
    /// QEMU has ended.
    case stopped
    /// libvirt has released everything that the domain had.
    case release
    /// libvirtd was restarted and found the guest running. The hook's failure kills the guest.
    case reconnect
    /// A step that needs nothing, or that this version does not know. It is ignored.
    case other(String)
}

extension HookOperation: RawRepresentable, Codable, CustomStringConvertible {
    public init(rawValue: String) {
        self =
            switch rawValue {
            case "prepare": .prepare
            case "stopped": .stopped
            case "release": .release
            case "reconnect": .reconnect
            default: .other(rawValue)
            }
    }

    /// libvirt's word.
    public var rawValue: String {
        switch self {
        case .prepare: "prepare"
        case .stopped: "stopped"
        case .release: "release"
        case .reconnect: "reconnect"
        case .other(let word): word
        }
    }

    public var description: String { rawValue }

    public init(from decoder: any Decoder) throws {
        self.init(rawValue: try decoder.singleValueContainer().decode(String.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}
