// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
import Glibc
import HostModel
import Synchronization
import SystemPackage

/// Every function of the host, read on all cores.
///
/// Each share is a run of addresses with a pass of its own; a VF's place on its physical function, which may have been
/// in another share, is found once all are there.
extension SysfsReader {
    /// What the walk found.
    struct Walk {
        /// By address.
        var functions: [Function] = []
        /// Members of groups that could not be told as functions: their group is not less shared for it.
        var leftOut: [PCIAddress: Int] = [:]
    }

    /// Every function of the PCI bus; none and a warning when there is no such bus.
    func functions(including facts: Facts, _ pass: inout ReadPass) -> Walk {
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
            return placed(read(addresses, in: bus, including: facts), in: bus, &pass)
        } catch {
            pass.warn("cannot read \(paths.pciDevices): \(error); no PCI functions")
            return Walk()
        }
    }

    /// Few enough that the cores end together, on a small host too; enough that taking one costs nothing.
    private static func share(of count: Int) -> Int { max(4, min(64, count / (4 * cores))) }

    private func read(
        _ addresses: [PCIAddress], in bus: borrowing Directory, including facts: Facts
    ) -> [Reading] {
        let share = Self.share(of: addresses.count)
        let shares = stride(from: 0, to: addresses.count, by: share).map {
            addresses[$0..<min($0 + share, addresses.count)]
        }
        let descriptor = bus.descriptor
        let outcomes = Mutex([[Reading]](repeating: [], count: shares.count))
        let next = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: max(1, min(shares.count, Self.cores))) { _ in
            let bus = Directory(lent: descriptor)
            var pass = ReadPass()
            while true {
                let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard number < shares.count else { break }
                var readings: [Reading] = []
                readings.reserveCapacity(share)
                for address in shares[number] {
                    if let reading = try? read(address, in: bus, including: facts, &pass) { readings.append(reading) }
                    // Of a function that went away meanwhile there is nothing to say.
                    _ = pass.takeWarnings()
                }
                outcomes.withLock { [readings] in $0[number] = readings }
            }
        }
        return outcomes.withLock { $0.flatMap(\.self) }
    }

    private static let cores = max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN))))

    /// Gives every VF its place; one that has none is on its way in or out, and never told as a function of its own:
    /// someone might hand it out.
    private func placed(_ readings: [Reading], in bus: borrowing Directory, _ pass: inout ReadPass) -> Walk {
        var places: [PCIAddress: [PCIAddress: Int]] = [:]
        for reading in readings where !reading.places.isEmpty { places[reading.function.address] = reading.places }
        // Asked once more, of the host as it is by now: VFs come and go while it is read.
        var asked: Set<PCIAddress> = []
        var walk = Walk()
        walk.functions.reserveCapacity(readings.count)
        for var reading in readings {
            let address = reading.function.address
            guard let owner = reading.owner else {
                reading.warnings.forEach { pass.warn($0) }
                walk.functions.append(reading.function)
                continue
            }
            if places[owner]?[address] == nil, asked.insert(owner).inserted {
                places[owner] = self.places(ofVFsOn: owner, in: bus)
            }
            if let index = places[owner]?[address] {
                reading.function.role = .virtualFunction(VirtualFunction(physicalFunction: owner, index: index))
                reading.warnings.forEach { pass.warn($0) }
                walk.functions.append(reading.function)
            } else {
                if !bus.contains(owner.description) {
                    pass.warn("\(address): its physical function \(owner) is gone; left out")
                }
                walk.leftOut[address] = reading.function.iommuGroup
            }
        }
        return walk
    }

    /// One function with its place; nil when there is none at the address, or a VF that has no place.
    func function(
        at address: PCIAddress, in bus: borrowing Directory, including facts: Facts, known: VirtualFunction?,
        _ pass: inout ReadPass
    ) -> Function? {
        guard var reading = try? read(address, in: bus, including: facts, &pass) else { return nil }
        if let known, reading.owner == known.physicalFunction, self.address(of: known, in: bus, &pass) == address {
            reading.function.role = .virtualFunction(known)
            return reading.function
        }
        return placed([reading], in: bus, &pass).functions.first
    }
}
