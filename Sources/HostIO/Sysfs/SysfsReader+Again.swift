// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

/// Reads single functions again.
extension SysfsReader {
    struct Again {
        /// By address; nil for a function that is gone.
        var functions: [PCIAddress: Function?] = [:]
        var warnings: [String] = []
    }

    /// - Parameters:
    ///   - cards: the PFs to query for the settings of their VFs. VFs of other PFs keep the known settings.
    ///   - known: the last snapshot. A VF keeps the place that it has there.
    func functions(
        at addresses: Set<PCIAddress>, settingsOf cards: Set<PCIAddress>, known: HostSnapshot, catalog: VFIOCatalog
    ) -> Again {
        var again = Again()
        guard let bus = try? Directory(paths.pciDevices) else {
            for address in addresses { again.functions[address] = .some(nil) }
            return again
        }
        var pass = ReadPass()
        var readings: [PCIAddress: Reading] = [:]
        var left = addresses
        while let address = left.popFirst() {
            again.functions[address] = .some(nil)
            for interface in known[address]?.interfaces ?? [] { pass.interfaces[interface.index] = interface }
            guard
                let reading = try? read(address, in: bus, including: [.capabilities, .speeds, .places, .links], &pass)
            else {
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
            guard let function = place(reading, known: known, readings, in: bus, &pass) else { continue }
            if let owner = reading.owner, known[address] == nil { settings.insert(owner) }
            again.functions[address] = function
        }
        finish(&again, settingsOf: settings, known: known, catalog: catalog, &pass)
        again.warnings = pass.takeWarnings()
        return again
    }

    /// nil for a VF without a place.
    private func place(
        _ reading: Reading, known: HostSnapshot, _ readings: [PCIAddress: Reading], in bus: borrowing Directory,
        _ pass: inout ReadPass
    ) -> Function? {
        guard let owner = reading.owner else {
            reading.warnings.forEach { pass.warn($0) }
            return reading.function
        }
        let before = known[reading.function.address]?.virtualFunction
        let index =
            readings[owner].map { $0.places[reading.function.address] }
            ?? (before?.physicalFunction == owner
                ? before?.index : places(ofVFsOn: owner, in: bus)[reading.function.address])
        guard let index else { return nil }
        reading.warnings.forEach { pass.warn($0) }
        var function = reading.function
        function.role = .virtualFunction(VirtualFunction(physicalFunction: owner, index: index))
        return function
    }

    /// Adds the facts that are not in the functions' own folders.
    private func finish(
        _ again: inout Again, settingsOf cards: Set<PCIAddress>, known: HostSnapshot, catalog: VFIOCatalog,
        _ pass: inout ReadPass
    ) {
        var functions = again.functions.values.compactMap(\.self)
        catalog.addDrivers(to: &functions)
        for position in functions.indices {
            let before = known[functions[position].address]
            functions[position].vfSettings = before?.vfSettings
        }
        if paths.isLive, !cards.isEmpty {
            // These VFs only get new settings: they are not read again.
            let members = Set(cards.flatMap { again.functions[$0]??.sriov?.virtualFunctions ?? [] })
            functions += members.compactMap { again.functions[$0] == nil ? known[$0] : nil }
            addVFSettings(to: &functions, ofVFsOn: cards, &pass)
        }
        if paths.isLive { addNetwork(to: &functions) }
        for function in functions { again.functions[function.address] = function }
    }

    /// A group that did not exist when the host was read.
    func iommuGroup(_ id: Int) -> IOMMUGroup {
        var pass = ReadPass()
        let name = String(id)
        var type: String?
        if let folder = try? Directory(paths.iommuGroups) { type = groupType(name, in: folder, &pass) }
        let devices = (try? Directory(paths.vfioGroupDevices).names()) ?? []
        return IOMMUGroup(
            id: id, type: type, functions: [], device: devices.contains(name) ? paths.groupDevice(id) : nil)
    }
}
