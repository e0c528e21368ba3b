// SPDX-License-Identifier: GPL-3.0-or-later

extension Selector {
    /// One key of a selector, and what it matches by itself.
    public struct Meeting: Hashable, Sendable {
        /// The key as the configuration has it: `pfNames`.
        public let key: String
        /// The values of the key.
        public let values: [String]
        /// The functions that this key by itself matches, in address order, without bridges and VFs.
        public let met: [PCIAddress]
        /// Values that exist on the host and resemble one that matches nothing.
        public let near: [String]
    }

    /// What each key matches by itself. It explains why all of them together match nothing.
    public func meetings(on host: HostSnapshot) -> [Meeting] {
        let cards = host.functions.filter { !$0.isBridge && $0.virtualFunction == nil }
        return parts.map { $0.meeting(cards, host) }
    }

    /// Values that should name one PF but match several: the two ports of a bond have one MAC address.
    public func ambiguities(on host: HostSnapshot) -> [Meeting] {
        let single =
            (macs ?? []).map { Selector(macs: [$0]) } + (pfNames ?? []).map { Selector(pfNames: [$0]) }
            + (paths ?? []).map { Selector(paths: [$0]) }
        return single.flatMap { $0.meetings(on: host) }.filter { $0.met.count > 1 }
    }

    private struct Part {
        let key: String
        let texts: [String]
        let selector: Selector
        /// The values of this key that exist on the host.
        let values: ([Function], HostSnapshot) -> [String]

        func meeting(_ cards: [Function], _ host: HostSnapshot) -> Meeting {
            let met = selector.matches(in: host).filter { $0.virtualFunction == nil }
            guard met.isEmpty else { return Meeting(key: key, values: texts, met: met.map(\.address), near: []) }
            let there = values(cards, host)
            return Meeting(key: key, values: texts, met: [], near: texts.compactMap { $0.nearest(among: there) })
        }
    }

    private var parts: [Part] {
        var parts: [Part] = []
        func add<Value>(
            _ key: String, _ field: WritableKeyPath<Selector, [Value]?>, _ text: (Value) -> String,
            there: @escaping ([Function], HostSnapshot) -> [String] = { _, _ in [] }
        ) {
            guard let list = self[keyPath: field] else { return }
            var alone = Selector()
            alone[keyPath: field] = list
            parts.append(Part(key: key, texts: list.map(text), selector: alone, values: there))
        }
        add("addresses", \.addresses, \.description) { cards, _ in cards.map(\.address.description) }
        add("vendors", \.vendors, { $0.hex(4) })
        add("devices", \.devices, { $0.hex(4) })
        add("classes", \.classes, \.description)
        add("drivers", \.drivers, { $0 }, there: { cards, _ in cards.compactMap(\.driver) })
        add("pfNames", \.pfNames, \.description) { cards, _ in cards.flatMap(\.ports).map(\.name) }
        add("physicalFunctions", \.physicalFunctions, \.description) { cards, _ in cards.map(\.address.description) }
        add("paths", \.paths, \.description) { cards, host in
            cards.compactMap { SlotPath(of: $0, on: host)?.description }
        }
        add("macs", \.macs, \.description) { cards, _ in cards.flatMap(\.ports).compactMap(\.mac?.description) }
        add("serials", \.serials, \.description) { cards, _ in cards.compactMap(\.serialNumber?.description) }
        add("vfs", \.vfs, \.description)
        add("numaNodes", \.numaNodes, { String($0) })
        add("kinds", \.kinds, \.rawValue)
        return parts
    }
}

extension Selector.Meeting: CustomStringConvertible {
    /// `vendors 8086 meets 0000:3b:00.0, 0000:af:00.0`; `pfNames ens1f meets none (there is ens1f0)`.
    public var description: String {
        let subject = "\(key) \(values.joined(separator: ", "))"
        guard !met.isEmpty else {
            return "\(subject) meets none" + (near.isEmpty ? "" : " (there is \(near.joined(separator: ", ")))")
        }
        let shown = met.prefix(6).map(\.description).joined(separator: ", ")
        return "\(subject) meets \(shown)" + (met.count > 6 ? " and \(met.count - 6) more" : "")
    }
}
