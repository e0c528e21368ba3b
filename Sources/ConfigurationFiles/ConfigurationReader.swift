// SPDX-License-Identifier: GPL-3.0-or-later
package import HostModel
import Yams

/// Reads files one after the other into one declared state, and goes on after an error: each entry that is wrong is
/// told, and left out.
package struct ConfigurationReader {
    /// What was declared so far, without the entries that are wrong.
    package private(set) var desired = DesiredState()
    /// In the order of the files and of their lines.
    package internal(set) var errors: [ConfigurationError] = []
    private var pools: [String: Place] = [:]
    /// Where the repair policy was set.
    private var repair: Place?
    /// By key and value: where a declaration named that card.
    private var cards: [String: Place] = [:]
    private var macs: [MACAddress: Place] = [:]

    // As they are written in a file.
    static let topKeys = ["physicalFunctions", "pools", "repair"]
    static let pfKeys = ["select", "vfCount", "driversAutoprobe", "vfDriver", "mtu", "linkUp", "vfs"]
    static let vfKeys = ["range", "mac", "vfDriver"] + VFSettings.sharedKeys
    static let poolKeys = ["name", "select", "numa", "defaults"]

    package init() {}

    /// - Throws: the first error.
    package func result() throws(ConfigurationError) -> DesiredState {
        if let first = errors.first { throw first }
        return desired
    }

    /// - Parameter file: the name that errors bear.
    package mutating func read(_ text: String, file: String) {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            errors.append(ConfigurationError(yaml: error, file: file))
            return
        } catch {
            errors.append(ConfigurationError(at: Place(file: file), "\(error)"))
            return
        }
        guard let root, root.null == nil else { return }
        do throws(ConfigurationError) {
            let top = try YAMLCursor(file: file, node: root).mapping(of: Self.topKeys)
            if let policy = top["repair"] {
                attempt { (reader) throws(ConfigurationError) in try reader.setRepair(policy) }
            }
            for entry in try top["physicalFunctions"]?.list() ?? [] {
                attempt { (reader) throws(ConfigurationError) in try reader.declare(entry) }
            }
            for entry in try top["pools"]?.list() ?? [] {
                attempt { (reader) throws(ConfigurationError) in try reader.addPool(entry) }
            }
        } catch {
            errors.append(error)
        }
    }

    private mutating func attempt(_ work: (inout Self) throws(ConfigurationError) -> Void) {
        do throws(ConfigurationError) { try work(&self) } catch { errors.append(error) }
    }

    private mutating func setRepair(_ cursor: YAMLCursor) throws(ConfigurationError) {
        let policy = try cursor.word(RepairPolicy.self, "a repair policy")
        if let earlier = repair { throw cursor.fail("'repair' is set already, at \(earlier)") }
        repair = cursor.place
        desired.repair = policy
    }

    private mutating func declare(_ cursor: YAMLCursor) throws(ConfigurationError) {
        let keys = try cursor.mapping(of: Self.pfKeys)
        guard let select = keys["select"] else { throw cursor.fail("has no 'select'") }
        guard let count = keys["vfCount"] else { throw cursor.fail("has no 'vfCount'") }
        let selector = try wholeCards(select)
        let vfCount = try count.integer(in: 0...65535)
        let declaration = PFDeclaration(
            selector: selector, vfCount: vfCount,
            driversAutoprobe: try keys["driversAutoprobe"]?.bool() ?? false, vfDriver: try keys["vfDriver"]?.string(),
            // 68 is what IPv4 asks of every link (RFC 791); a card takes less than the 16 bits of it.
            mtu: try keys["mtu"]?.integer(in: 68...65535), linkUp: try keys["linkUp"]?.bool(),
            vfs: try vfDeclarations(keys["vfs"], vfCount: vfCount), place: cursor.place.description)
        try nameOnce(select)
        desired.physicalFunctions.append(declaration)
    }

    /// A declaration is about PFs: nothing in its selector may single out VFs.
    private func wholeCards(_ cursor: YAMLCursor) throws(ConfigurationError) -> Selector {
        let selector = try cursor.selector()
        guard
            selector.vfs == nil, selector.pfNames?.allSatisfy({ $0.vfs == nil }) ?? true,
            selector.physicalFunctions?.allSatisfy({ $0.vfs == nil }) ?? true
        else {
            throw cursor.fail(
                "a declaration is about whole cards, and cannot select some of their VFs",
                remedy: "leave out 'vfs' and what follows '#'; pools can have them")
        }
        return selector
    }

    /// Two declarations that name one card contradict each other, whatever the host.
    private mutating func nameOnce(_ select: YAMLCursor) throws(ConfigurationError) {
        for (key, list) in try select.mapping(of: Selector.keys).sorted(by: { $0.key < $1.key })
        where Selector.keysThatNameACard.contains(key) {
            for item in try list.list() {
                // Two ways to write an address are one address.
                let text = try item.string()
                let name = (try? PCIAddress(text)).map { "address \($0)" } ?? "\(key) \(text.lowercased())"
                if let earlier = cards[name] {
                    throw item.fail(
                        "\(text) is declared already, at \(earlier)", remedy: "make one declaration of the two")
                }
                cards[name] = item.place
            }
        }
    }

    private mutating func vfDeclarations(_ list: YAMLCursor?, vfCount: Int) throws(ConfigurationError)
        -> [VFDeclaration]
    {
        var declared: [(declaration: VFDeclaration, place: Place)] = []
        for cursor in try list?.list() ?? [] {
            let declaration = try vfDeclaration(cursor, vfCount: vfCount)
            for earlier in declared {
                guard let index = declaration.range.firstShared(with: earlier.declaration.range) else { continue }
                throw cursor.fail("VF \(index) is declared already, at \(earlier.place)")
            }
            declared.append((declaration, cursor.place))
        }
        return declared.map(\.declaration)
    }

    private mutating func vfDeclaration(
        _ cursor: YAMLCursor, vfCount: Int
    ) throws(ConfigurationError) -> VFDeclaration {
        let keys = try cursor.mapping(of: Self.vfKeys)
        guard let rangeCursor = keys["range"] else { throw cursor.fail("has no 'range'") }
        let range = try rangeCursor.value(VFRange.self)
        guard range.last < vfCount else {
            throw rangeCursor.fail(
                vfCount == 0
                    ? "there is no VF \(range.last): vfCount is 0"
                    : "there is no VF \(range.last): vfCount is \(vfCount), so the last is \(vfCount - 1)",
                remedy: "declare more VFs, or a smaller range")
        }
        var settings = try cursor.settings(keys)
        if let macCursor = keys["mac"] {
            settings.mac = try macCursor.stationMAC()
            guard range.count == 1 else {
                throw macCursor.fail(
                    "one MAC address cannot be that of \(range.count) VFs", remedy: "give each its own range")
            }
            if let mac = settings.mac, let earlier = macs.updateValue(macCursor.place, forKey: mac) {
                throw macCursor.fail("\(mac) is given already, at \(earlier)")
            }
        }
        return VFDeclaration(range: range, settings: settings, driver: try keys["vfDriver"]?.string())
    }

    private mutating func addPool(_ cursor: YAMLCursor) throws(ConfigurationError) {
        let keys = try cursor.mapping(of: Self.poolKeys)
        guard let nameCursor = keys["name"] else { throw cursor.fail("has no 'name'") }
        guard let select = keys["select"] else { throw cursor.fail("has no 'select'") }
        let name = try nameCursor.string()
        if let earlier = pools[name] {
            throw nameCursor.fail("pool '\(name)' is declared twice: first at \(earlier)", remedy: "rename one of them")
        }
        pools[name] = nameCursor.place
        desired.pools.append(
            Pool(
                name: name, selector: try select.selector(), numa: try keys["numa"]?.value(NUMAPolicy.self) ?? .none,
                defaults: try keys["defaults"].map { (defaults) throws(ConfigurationError) in
                    try defaults.settings(defaults.mapping(of: VFSettings.sharedKeys))
                } ?? VFSettings(), place: cursor.place.description))
    }
}

extension DesiredState {
    /// What one file declares.
    ///
    /// - Parameter file: the name that errors bear.
    package init(yaml text: String, file: String) throws(ConfigurationError) {
        var reader = ConfigurationReader()
        reader.read(text, file: file)
        self = try reader.result()
    }
}
