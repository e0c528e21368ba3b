// SPDX-License-Identifier: GPL-3.0-or-later

/// How near a claim's functions must be to a NUMA node.
public enum NUMAPolicy: Hashable, Sendable {
    /// Anywhere.
    case none
    /// On the node if one is free there, else the nearest.
    case preferred(node: Int?)
    /// On the node or not at all; without a node, on any known one, all functions of the claim on the same.
    case required(node: Int?)
    /// On the node's socket or not at all; without a node, on any, all functions of the claim on the same.
    case socket(node: Int?)

    public var node: Int? {
        switch self {
        case .none: nil
        case .preferred(let node), .required(let node), .socket(let node): node
        }
    }
}

extension NUMAPolicy: TextCodable {
    /// Reads `none`, `preferred`, `required`, `socket`, and the last three with a node: `required:1`.
    public init(_ text: String) throws(MalformedValue) {
        let problem = MalformedValue(
            kind: "NUMA policy", text: text,
            expected: "none, preferred, required or socket, the last three with a node or without: required:1")
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var node: Int?
        if parts.count == 2 {
            guard let number = Int(parts[1]), number >= 0 else { throw problem }
            node = number
        }
        switch parts.first {
        case "none" where node == nil: self = .none
        case "preferred": self = .preferred(node: node)
        case "required": self = .required(node: node)
        case "socket": self = .socket(node: node)
        default: throw problem
        }
    }

    public var description: String {
        let suffix = node.map { ":\($0)" } ?? ""
        return switch self {
        case .none: "none"
        case .preferred: "preferred" + suffix
        case .required: "required" + suffix
        case .socket: "socket" + suffix
        }
    }
}
