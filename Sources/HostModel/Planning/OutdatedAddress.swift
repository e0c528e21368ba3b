// SPDX-License-Identifier: GPL-3.0-or-later

/// An address in the configuration at which the card that was meant is no longer.
public struct OutdatedAddress: Hashable, Sendable {
    public let address: PCIAddress
    /// The card that was there.
    public let former: CardIdentity
    /// Where that card is now; nil if that is not known.
    public let now: PCIAddress?
    /// Whether another card is there.
    public let isTaken: Bool
    /// The entries that name the address: `buslane.yaml:3:5`, or `pool 'fast'`.
    public let entries: [String]
}

extension OutdatedAddress: CustomStringConvertible {
    /// In one line.
    public var description: String {
        "\(entries.listed) name\(entries.count == 1 ? "s" : "") \(address), and \(isTaken ? "another card is there now than before" : "nothing is there now"): "
            + (now.map { "\(former) is at \($0)" } ?? "\(former) is not there any more")
    }

    public var remedy: String {
        let other = now.map { "name \($0) there, or select by paths, serials or macs" }
        return (other ?? "name the card that is meant, by paths, serials or macs")
            + (isTaken ? "; or leave it, if the card that is there now is meant" : "") + ". Then buslane apply"
    }
}

extension Finding {
    public init(_ outdated: OutdatedAddress) {
        self.init(
            .warning, "address-of-another-card", subject: "\(outdated.address)", "\(outdated)",
            why:
                "a declaration is not applied to another card until you apply it, and a claim from such a pool gets the "
                + "other card's functions",
            remedy: outdated.remedy)
    }
}

extension DesiredState {
    /// The addresses that mean another card now than at the last apply.
    public func outdatedAddresses(since look: LastLook, on host: HostSnapshot) -> [OutdatedAddress] {
        let formers = look.formers
        guard !formers.isEmpty else { return [] }
        var entries: [PCIAddress: [String]] = [:]
        for (entry, selector) in physicalFunctions.map({ ($0.place ?? "a declaration", $0.selector) })
            + pools.map({ ("pool '\($0.name)'", $0.selector) })
        {
            // A VF is named where its PF is.
            let named = selector.namedAddresses.map { host[$0]?.virtualFunction?.physicalFunction ?? $0 }
            for address in Set(named) where formers[address] != nil { entries[address, default: []].append(entry) }
        }
        return formers.sorted { $0.key < $1.key }.compactMap { address, former in
            entries[address].map {
                OutdatedAddress(
                    address: address, former: former, now: look.address(of: former),
                    isTaken: look.places[address]?.isPresent == true, entries: $0)
            }
        }
    }

    /// The declarations without such addresses. What was applied to the cards that were meant stays theirs.
    ///
    /// - Parameter applied: by PF, the declarations that were applied; they have moved with their cards.
    public func withholding(
        _ outdated: [OutdatedAddress], applied: [PCIAddress: PFDeclaration], on host: HostSnapshot
    ) -> DesiredState {
        let addresses = Set(outdated.map(\.address))
        guard physicalFunctions.contains(where: { !addresses.isDisjoint(with: $0.selector.namedAddresses) }) else {
            return self
        }
        var kept = self
        kept.isPartial = true
        kept.physicalFunctions = physicalFunctions.compactMap { declaration in
            declaration.selector.without(addresses).map { selector in
                var declaration = declaration
                declaration.selector = selector
                return declaration
            }
        }
        let met = kept.met(on: host)
        for address in Set(outdated.compactMap(\.now)).sorted() where met[address] == nil {
            if let declaration = applied[address] { kept.physicalFunctions.append(declaration.naming(address)) }
        }
        return kept
    }
}

extension Selector {
    /// The addresses that it names.
    fileprivate var namedAddresses: [PCIAddress] { (addresses ?? []) + (physicalFunctions ?? []).map(\.name) }

    /// nil if it would select nothing.
    fileprivate func without(_ named: Set<PCIAddress>) -> Selector? {
        var rest = self
        rest.addresses?.removeAll(where: named.contains)
        rest.physicalFunctions?.removeAll { named.contains($0.name) }
        return rest.addresses?.isEmpty == true || rest.physicalFunctions?.isEmpty == true ? nil : rest
    }
}
