// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

/// Reads the functions of the PCI bus: all of them on all cores, or one.
///
/// A VF and its PF can be read on different cores: the VF gets its place on the PF once both were read.
struct BusReader {
    private let paths: HostPaths
    private let functions: FunctionReader
    private let attributes: LockedAttributes

    /// - Parameter facts: the facts to read besides each function's own attributes.
    init(paths: HostPaths, facts: SysfsReader.Facts, attributes: LockedAttributes) {
        self.paths = paths
        self.attributes = attributes
        functions = FunctionReader(paths: paths, facts: facts, attributes: attributes)
    }

    struct Walk {
        /// By address.
        var functions: [Function] = []
        /// VFs without a place that were left out, with their groups: each still shares its group.
        var leftOut: [PCIAddress: Int] = [:]
    }

    /// Every function of the PCI bus; none, and a warning, when the host has no such bus.
    func walk(_ pass: inout ReadPass) -> Walk {
        do {
            let bus = try Directory(paths.pciDevices)
            var addresses: [PCIAddress] = []
            for name in try bus.names() {
                if let address = PCIAddress(canonical: name.utf8.span) {
                    addresses.append(address)
                } else {
                    pass.warn("\(name) on the PCI bus is not an address")
                }
            }
            addresses.sort()
            let locked = attributes.facts(of: addresses)
            attributes.keep(only: addresses)
            return placed(read(addresses, locked, in: bus), locked, in: bus, &pass)
        } catch {
            pass.warn("cannot read \(paths.pciDevices): \(error); no PCI functions")
            return Walk()
        }
    }

    private func read(
        _ addresses: [PCIAddress], _ locked: [PCIAddress: LockedFacts], in bus: borrowing Directory
    ) -> [FunctionReading] {
        let loan = bus.loan
        return Cores.map(addresses) { addresses, pass in
            let bus = Directory(loan)
            var readings: [FunctionReading] = []
            readings.reserveCapacity(addresses.count)
            for address in addresses {
                if let reading = try? functions.read(address, in: bus, locked: locked, &pass) {
                    readings.append(reading)
                }
                // Drops the warnings about a function that was removed during the read.
                _ = pass.takeWarnings()
            }
            return readings
        }
    }

    /// Gives every VF its place.
    ///
    /// A VF without a place is being made or removed. It is left out: it cannot be used, now or later. A captured tree
    /// does not change, so its VF stays, unplaced.
    private func placed(
        _ readings: [FunctionReading], _ locked: [PCIAddress: LockedFacts], in bus: borrowing Directory,
        _ pass: inout ReadPass
    ) -> Walk {
        var places: [PCIAddress: [PCIAddress: Int]] = [:]
        for reading in readings where !reading.places.isEmpty { places[reading.function.address] = reading.places }
        // VFs come and go while the host is read: each PF is asked once more for a VF that it did not have.
        var asked: Set<PCIAddress> = []
        var walk = Walk()
        walk.functions.reserveCapacity(readings.count)
        for reading in readings {
            let address = reading.function.address
            guard let owner = reading.owner else {
                reading.warnings.forEach { pass.warn($0) }
                keep(reading.function, in: &walk)
                continue
            }
            if places[owner]?[address] == nil, asked.insert(owner).inserted {
                let count = (locked[owner] ?? attributes.facts(of: [owner])[owner])?.vfCount
                places[owner] = VFLinks(physical: owner).places(in: bus, count: count ?? 0)
            }
            if let index = places[owner]?[address] {
                reading.warnings.forEach { pass.warn($0) }
                walk.functions.append(reading.function)
                walk.functions[walk.functions.count - 1].role = .virtualFunction(
                    VirtualFunction(physicalFunction: owner, index: index))
            } else {
                if !paths.isLive { reading.warnings.forEach { pass.warn($0) } }
                let end = paths.isLive ? "; left out" : ""
                if !bus.contains(owner.description) {
                    pass.warn("\(address): its physical function \(owner) is gone\(end)")
                }
                keep(reading.function, in: &walk)
            }
        }
        return walk
    }

    private func keep(_ function: Function, in walk: inout Walk) {
        if function.isUnplaced, paths.isLive {
            walk.leftOut[function.address] = function.iommuGroup
        } else {
            walk.functions.append(function)
        }
    }

    /// One function with its place; nil when there is none at the address, or it was left out.
    func function(
        at address: PCIAddress, in bus: borrowing Directory, known: VirtualFunction?, _ pass: inout ReadPass
    ) -> Function? {
        let locked = attributes.facts(of: [address] + [known?.physicalFunction].compactMap(\.self))
        guard var reading = try? functions.read(address, in: bus, locked: locked, &pass) else { return nil }
        if let known, reading.owner == known.physicalFunction,
            VFLinks(physical: known.physicalFunction).address(ofVF: known.index, in: bus, &pass) == address
        {
            reading.function.role = .virtualFunction(known)
            return reading.function
        }
        return placed([reading], locked, in: bus, &pass).functions.first
    }
}
