// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

/// Reads again the functions that changed since the host was read.
struct ChangeReader {
    private let paths: HostPaths
    private let functions: FunctionReader
    /// The last snapshot. A VF keeps the place that it has there.
    private let known: HostSnapshot
    private let catalog: VFIOCatalog
    private let attributes: LockedAttributes

    init(paths: HostPaths, known: HostSnapshot, catalog: VFIOCatalog, attributes: LockedAttributes) {
        self.paths = paths
        self.attributes = attributes
        functions = FunctionReader(
            paths: paths, facts: [.capabilities, .speeds, .places, .links], attributes: attributes)
        self.known = known
        self.catalog = catalog
    }

    struct Again {
        /// By address; nil for a function that is gone.
        var functions: [PCIAddress: Function?] = [:]
        var warnings: [String] = []
    }

    /// - Parameter cards: the PFs to query for the settings of their VFs. VFs of other PFs keep the known settings.
    func functions(at addresses: Set<PCIAddress>, settingsOf cards: Set<PCIAddress>) -> Again {
        var again = Again()
        guard let bus = try? Directory(paths.pciDevices) else {
            for address in addresses { again.functions[address] = .some(nil) }
            return again
        }
        var pass = ReadPass()
        var readings: [PCIAddress: FunctionReading] = [:]
        var left = addresses
        var locked = attributes.facts(of: addresses.sorted())
        while let address = left.popFirst() {
            if locked[address] == nil {
                let unread = ([address] + left.sorted()).filter { locked[$0] == nil }
                locked.merge(attributes.facts(of: unread)) { $1 }
            }
            again.functions[address] = .some(nil)
            for interface in known[address]?.interfaces ?? [] {
                if let index = interface.index { pass.interfaces[index] = interface }
            }
            guard let reading = try? functions.read(address, in: bus, locked: locked, &pass) else {
                _ = pass.takeWarnings()
                continue
            }
            readings[address] = reading
            // A PF with other VFs than before: read the new VFs and those that are gone.
            if let before = known[address]?.sriov?.virtualFunctions, !before.isEmpty || !reading.places.isEmpty {
                let members = Set(before).symmetricDifference(reading.places.keys)
                left.formUnion(members.filter { again.functions[$0] == nil })
            }
            // A new VF: its PF has one more link.
            if let owner = reading.owner, known[address]?.virtualFunction?.physicalFunction != owner,
                again.functions[owner] == nil
            {
                left.insert(owner)
            }
        }
        var settings = cards
        for (address, reading) in readings.sorted(by: { $0.key < $1.key }) {
            guard let function = place(reading, readings, in: bus, &pass) else { continue }
            if let owner = reading.owner, known[address] == nil { settings.insert(owner) }
            again.functions[address] = function
        }
        finish(&again, settingsOf: settings, &pass)
        again.warnings = pass.takeWarnings()
        return again
    }

    /// nil for a VF without a place, except in a captured tree.
    private func place(
        _ reading: FunctionReading, _ readings: [PCIAddress: FunctionReading], in bus: borrowing Directory,
        _ pass: inout ReadPass
    ) -> Function? {
        guard let owner = reading.owner else {
            if reading.function.isUnplaced, paths.isLive { return nil }
            reading.warnings.forEach { pass.warn($0) }
            return reading.function
        }
        let before = known[reading.function.address]?.virtualFunction
        let index =
            readings[owner].map { $0.places[reading.function.address] }
            ?? (before?.physicalFunction == owner
                ? before?.index
                : VFLinks(physical: owner).places(in: bus, count: attributes.facts(of: [owner])[owner]?.vfCount ?? 0)[
                    reading.function.address])
        guard let index else { return paths.isLive ? nil : reading.function }
        reading.warnings.forEach { pass.warn($0) }
        var function = reading.function
        function.role = .virtualFunction(VirtualFunction(physicalFunction: owner, index: index))
        return function
    }

    /// Adds the facts that are not in the functions' own folders.
    private func finish(_ again: inout Again, settingsOf cards: Set<PCIAddress>, _ pass: inout ReadPass) {
        var functions = again.functions.values.compactMap(\.self)
        catalog.addDrivers(to: &functions)
        for position in functions.indices {
            let before = known[functions[position].address]
            functions[position].vfSettings = before?.vfSettings
        }
        let netlink = paths.isLive ? NetlinkFacts(interfaces: InterfaceReader(paths: paths)) : nil
        if let netlink, !cards.isEmpty {
            // These VFs only get new settings: they are not read again.
            let members = Set(cards.flatMap { again.functions[$0]??.sriov?.virtualFunctions ?? [] })
            functions += members.compactMap { again.functions[$0] == nil ? known[$0] : nil }
            netlink.addVFSettings(to: &functions, ofVFsOn: cards, &pass)
        }
        netlink?.addNetwork(to: &functions)
        for function in functions { again.functions[function.address] = function }
    }
}
