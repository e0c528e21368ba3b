// SPDX-License-Identifier: GPL-3.0-or-later

/// A fact about one function that must hold before a step, or after it.
public enum Condition: Hashable, Sendable, Codable {
    case exists(PCIAddress)
    case driver(PCIAddress, String?)
    case driverOverride(PCIAddress, String?)
    case driversAutoprobe(PCIAddress, Bool)
    /// `sriov_numvfs`, all `virtfn` links, and the VFs themselves.
    case virtualFunctions(PCIAddress, count: Int)
    case link(PCIAddress, up: Bool)
    case mtu(PCIAddress, octets: Int)
    /// How many interrupt vectors a VF has.
    case msixCount(PCIAddress, Int)
    /// If one VF of a PF has a network interface, every VF with the same host driver has one.
    case uniformInterfaces(PCIAddress)
    case vfSettings(VirtualFunction, VFSettings)

    /// Whether the fact holds. For a missing function no fact holds.
    public func holds(on source: some FunctionSource) -> Bool {
        switch self {
        case .exists(let address): source.binding(of: address) != nil
        case .driver(let address, let driver): source.binding(of: address).map { $0.driver == driver } ?? false
        case .driverOverride(let address, let driver):
            source.binding(of: address).map { $0.driverOverride == driver } ?? false
        case .driversAutoprobe(let address, let on): source[address]?.sriov?.driversAutoprobe == on
        case .virtualFunctions(let address, let count):
            source[address]?.sriov.map {
                $0.vfCount == count && $0.virtualFunctions.count == count
                    && $0.virtualFunctions.allSatisfy { source.binding(of: $0) != nil }
            } ?? false
        case .link(let address, let up):
            source[address]?.interfaces.allSatisfy { $0.isAdministrativelyUp == up } ?? false
        case .mtu(let address, let octets):
            source[address]?.interfaces.allSatisfy { $0.mtu == octets } ?? false
        case .msixCount(let address, let count): source[address].map { $0.vfMSIXCount == count } ?? false
        case .uniformInterfaces(let address): source.vfWithoutInterface(of: address) == nil
        case .vfSettings(let virtual, let settings):
            source[physicalFunction: virtual].map { settings.isSatisfied(by: $0) } ?? false
        }
    }
}

extension FunctionSource {
    /// The settings that a PF reports for a VF; nil if either is missing or the PF reports none.
    subscript(physicalFunction virtual: VirtualFunction) -> VFSettings? {
        address(of: virtual).flatMap { settings(ofVFAt: $0) }
    }

    /// A VF without a network interface although another with the same driver has one; nil if there is none.
    fileprivate func vfWithoutInterface(of address: PCIAddress) -> PCIAddress? {
        let vfs = (self[address]?.sriov?.virtualFunctions ?? []).compactMap { self[$0] }
        let making = Set(vfs.filter { !$0.interfaces.isEmpty }.compactMap(\.driver))
        return vfs.first { $0.interfaces.isEmpty && $0.driver.map(making.contains) == true }?.address
    }
}

extension Condition: CustomStringConvertible {
    public var description: String {
        switch self {
        case .exists(let address): "\(address) exists"
        case .driver(let address, let driver?): "\(address) is bound to \(driver)"
        case .driver(let address, nil): "\(address) has no driver"
        case .driverOverride(let address, let driver?): "driver override of \(address) is \(driver)"
        case .driverOverride(let address, nil): "\(address) has no driver override"
        case .driversAutoprobe(let address, let on): "drivers_autoprobe of \(address) is \(on ? "on" : "off")"
        case .virtualFunctions(let address, let count): "\(address) has \(count) VFs, all present"
        case .link(let address, let up): "the interfaces of \(address) are \(up ? "up" : "down")"
        case .mtu(let address, let octets): "the interfaces of \(address) have an MTU of \(octets)"
        case .msixCount(let address, let count): "\(address) has \(count) MSI-X vectors"
        case .uniformInterfaces(let address): "every VF of \(address) has a network interface, as others of it have"
        case .vfSettings(let virtual, let settings):
            "VF \(virtual.index) of \(virtual.physicalFunction) shows \(settings)"
        }
    }
}
