// SPDX-License-Identifier: GPL-3.0-or-later
package import HostModel

/// Reads files one after the other into one declared state. Each wrong value is reported, and its entry is left out; the
/// rest is read.
package struct ConfigurationReader {
    /// The state declared so far, without the wrong entries.
    package private(set) var desired = DesiredState()
    /// In the order of the files and of their lines.
    package internal(set) var errors: [ConfigurationError] = []
    private var pools: [String: Place] = [:]
    /// Where the repair policy was set.
    private var repair: Place?
    /// By key and value: where a declaration named that card.
    private var cards: [String: Place] = [:]
    /// By MAC address: which VF has it.
    var macs: [MACAddress: Place] = [:]

    // As they are written in a file.
    static let topKeys = ["physicalFunctions", "pools", "repair"]
    static let pfKeys = ["select", "vfCount", "driversAutoprobe", "vfDriver", "mtu", "linkUp", "ports", "vfs"]
    static let poolKeys = [
        "name", "select", "numa", "spread", "order", "exclusive", "allow", "maxClaims", "choices", "defaults",
    ]

    /// The largest number of PF declarations, and of pools, in one file. Every pool is compared with every other.
    static let mostEntries = 256

    package init() {}

    /// - Throws: the first error.
    package func result() throws(ConfigurationError) -> DesiredState {
        if let first = errors.first { throw first }
        return desired
    }

    /// - Parameter file: the name that errors bear.
    package mutating func read(_ text: String, file: String) {
        let root: YAMLNode?
        do {
            root = try YAMLNode.document(in: text)
        } catch {
            errors.append(ConfigurationError(yaml: error, file: file, text: text))
            return
        }
        // An empty file is probably unfinished, and would remove every VF.
        guard let root, !root.isNull else {
            errors.append(
                ConfigurationError(
                    at: Place(file: file), "declares nothing",
                    remedy: "remove the file, or write 'physicalFunctions: []' into it to declare no VFs"))
            return
        }
        let complaints = Complaints()
        YAMLCursor(file: file, node: root, complaints: complaints).attempt { (cursor) throws(ConfigurationError) in
            try read(cursor)
        }
        errors += complaints.inOrder(in: file)
    }

    private mutating func read(_ root: YAMLCursor) throws(ConfigurationError) {
        let top = try root.mapping(of: Self.topKeys)
        top["repair"]?.attempt { (policy) throws(ConfigurationError) in try setRepair(policy) }
        top["physicalFunctions"]?.attempt { (list) throws(ConfigurationError) in
            desired.physicalFunctions += try list.each(upTo: Self.mostEntries) { (entry) throws(ConfigurationError) in
                try self.declaration(entry)
            }
        }
        top["pools"]?.attempt { (list) throws(ConfigurationError) in
            desired.pools += try list.each(upTo: Self.mostEntries) { (entry) throws(ConfigurationError) in
                try self.pool(entry)
            }
        }
    }

    private mutating func setRepair(_ cursor: YAMLCursor) throws(ConfigurationError) {
        let policy = try cursor.word(RepairPolicy.self, "a repair policy")
        if let earlier = repair { throw cursor.fail("'repair' is set already, at \(earlier)") }
        repair = cursor.place
        desired.repair = policy
    }

    private mutating func declaration(_ cursor: YAMLCursor) throws(ConfigurationError) -> PFDeclaration {
        let keys = try cursor.mapping(of: Self.pfKeys, requiring: ["select", "vfCount"])
        let vfCount = keys["vfCount"]?.attempt { (count) throws(ConfigurationError) in
            try count.integer(in: 0...65535)
        }
        let selector = keys["select"]?.attempt { (select) throws(ConfigurationError) in
            let selector = try Self.wholeCards(select)
            try nameOnce(select)
            return selector
        }
        return PFDeclaration(
            selector: selector ?? Selector(), vfCount: vfCount ?? 0,
            driversAutoprobe: keys["driversAutoprobe"]?.attempt { (probe) throws(ConfigurationError) in
                try probe.bool()
            } ?? false,
            vfDriver: keys["vfDriver"]?.attempt { (driver) throws(ConfigurationError) in try driver.driver() },
            mtu: keys["mtu"]?.attempt { (mtu) throws(ConfigurationError) in try mtu.mtu() },
            linkUp: keys["linkUp"]?.attempt { (up) throws(ConfigurationError) in try up.bool() },
            ports: keys["ports"]?.attempt { (ports) throws(ConfigurationError) in
                try Self.portDeclarations(ports)
            },
            vfs: keys["vfs"]?.attempt { (vfs) throws(ConfigurationError) in
                try vfDeclarations(vfs, vfCount: vfCount)
            } ?? [],
            place: cursor.place.description)
    }

    /// A declaration is about PFs: its selector must not select VFs.
    private static func wholeCards(_ cursor: YAMLCursor) throws(ConfigurationError) -> Selector {
        let selector = try cursor.selector()
        guard
            selector.vfs == nil, selector.pfNames?.allSatisfy({ $0.vfs == nil }) ?? true,
            selector.physicalFunctions?.allSatisfy({ $0.vfs == nil }) ?? true
        else {
            throw cursor.fail(
                "a declaration is for whole PFs, and cannot select some of their VFs",
                remedy: "leave out 'vfs' and the part after '#'; only pools can have them")
        }
        return selector
    }

    /// Two declarations that name one PF contradict each other on any host.
    private mutating func nameOnce(_ select: YAMLCursor) throws(ConfigurationError) {
        for (key, list) in try select.mapping(of: Selector.keys).sorted(by: { $0.key < $1.key })
        where Selector.keysThatNameACard.contains(key) {
            for item in try list.list() {
                // Two ways to write an address are one address.
                let text = try item.string()
                let name = (try? PCIAddress(text)).map { "address \($0)" } ?? "\(key) \(text.lowercased())"
                if let earlier = cards[name] {
                    throw item.fail(
                        "\(text) is declared already, at \(earlier)", remedy: "merge the two into one declaration")
                }
                cards[name] = item.place
            }
        }
    }

    private mutating func pool(_ cursor: YAMLCursor) throws(ConfigurationError) -> Pool {
        let keys = try cursor.mapping(of: Self.poolKeys, requiring: ["name", "select"])
        let name = keys["name"]?.attempt { (cursor) throws(ConfigurationError) in
            let name = try cursor.string()
            guard Pool.nameLengths.contains(name.unicodeScalars.count) else {
                throw cursor.fail(
                    "a pool's name has \(Pool.nameLengths.lowerBound) to \(Pool.nameLengths.upperBound) characters")
            }
            if let earlier = pools[name] {
                throw cursor.fail("pool '\(name)' is declared twice: first at \(earlier)", remedy: "rename one of them")
            }
            pools[name] = cursor.place
            return name
        }
        return Pool(
            name: name ?? "",
            selector: keys["select"]?.attempt { (select) throws(ConfigurationError) in
                try select.selector()
            } ?? Selector(),
            numa: keys["numa"]?.attempt { (numa) throws(ConfigurationError) in
                try numa.value(NUMAPolicy.self)
            } ?? .none,
            spread: keys["spread"]?.attempt { (spread) throws(ConfigurationError) in
                try spread.word(Spread.self, "a way to spread a claim")
            } ?? .any,
            order: keys["order"]?.attempt { (order) throws(ConfigurationError) in
                try order.word(Pool.Order.self, "an order of cards")
            } ?? .address,
            isExclusive: keys["exclusive"]?.attempt { (exclusive) throws(ConfigurationError) in
                try exclusive.bool()
            } ?? false,
            access: keys["allow"]?.attempt { (allow) throws(ConfigurationError) in try allow.access() },
            maxClaims: keys["maxClaims"]?.attempt { (limit) throws(ConfigurationError) in
                try limit.integer(in: 1...65535)
            },
            choices: keys["choices"]?.attempt { (choices) throws(ConfigurationError) in
                try choices.poolChoices()
            } ?? PoolChoices(),
            defaults: keys["defaults"]?.attempt { (defaults) throws(ConfigurationError) in
                try defaults.settings(defaults.mapping(of: VFSettings.sharedKeys))
            } ?? VFSettings(),
            place: cursor.place.description)
    }
}

extension DesiredState {
    /// The state that one file declares.
    ///
    /// - Parameter file: the name that errors bear.
    package init(yaml text: String, file: String) throws(ConfigurationError) {
        var reader = ConfigurationReader()
        reader.read(text, file: file)
        self = try reader.result()
    }
}
