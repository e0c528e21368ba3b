// SPDX-License-Identifier: GPL-3.0-or-later
import PrintableText

/// How a caller names an owner: ``Owner`` as it is recorded, or what has to be looked up to know it.
public enum OwnerName: Hashable, Sendable {
    /// `domain:NAME`
    case domain(named: String)
    /// `pid:PID`
    case process(pid: Int)
    /// Everything else.
    case owner(Owner)
}

extension OwnerName: TextCodable {
    public init(_ text: String) throws(MalformedValue) {
        // Stricter than what the ledger can have of earlier versions.
        guard Self.lengths.contains(text.unicodeScalars.count), text.isPrintable else { throw Owner.problem(text) }
        if text.hasPrefix("pid:"), let pid = Int(text.dropFirst("pid:".count)), pid > 0, text == "pid:\(pid)" {
            self = .process(pid: pid)
        } else if text.hasPrefix("domain:"), text != "domain:" {
            self = if let owner = try? Owner(text) { .owner(owner) } else { .domain(named: String(text.dropFirst(7))) }
        } else {
            let owner = try Owner(text)
            // A name without its type is no unit's. Earlier versions took it, so the ledger can have such owners.
            if case .unit(let name) = owner, !name.contains(".") { throw Owner.problem(text) }
            if case .process = owner, owner.description != text { throw Owner.problem(text) }
            self = .owner(owner)
        }
    }

    /// In Unicode scalars.
    public static let lengths = 1...200

    public var description: String {
        switch self {
        case .domain(let name): "domain:" + name
        case .process(let pid): "pid:\(pid)"
        case .owner(let owner): owner.description
        }
    }
}
