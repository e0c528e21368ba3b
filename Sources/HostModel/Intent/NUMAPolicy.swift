// SPDX-License-Identifier: GPL-3.0-or-later

/// Where a claim's functions must be relative to a NUMA node.
public enum NUMAPolicy: Hashable, Sendable {
    /// Anywhere.
    case none
    /// On the node if functions are free there, else on the nearest.
    case preferred(node: Int?)
    /// Only on the node. Without a node: all functions of the claim on one node, whichever.
    case required(node: Int?)
    /// Only on the node's socket. Without a node: all functions of the claim on one socket, whichever.
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
            guard parts[1].utf8.count <= 4, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(parts[1])
            else { throw problem }
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
