// SPDX-License-Identifier: GPL-3.0-or-later

/// A fact about one function that must hold before a step, or after it.
public enum Condition: Hashable, Sendable, Codable {
    case exists(PCIAddress)
    case driver(PCIAddress, String?)
    case driverOverride(PCIAddress, String?)
    case driversAutoprobe(PCIAddress, Bool)
    /// `sriov_numvfs`, all `virtfn` links, and the VFs themselves.
    case virtualFunctions(PCIAddress, count: Int)
    /// Of one port, or of all ports.
    case link(PCIAddress, port: PortID? = nil, up: Bool)
    case mtu(PCIAddress, port: PortID? = nil, octets: Int)
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
        case .link(let address, let port, let up):
            source[address]?.hasPorts(port) { $0.isAdministrativelyUp == up } ?? false
        case .mtu(let address, let port, let octets):
            source[address]?.hasPorts(port) { $0.mtu == octets } ?? false
        case .msixCount(let address, let count): source[address].map { $0.vfMSIXCount == count } ?? false
        case .uniformInterfaces(let address): source.vfWithoutInterface(of: address) == nil
        case .vfSettings(let virtual, let settings):
            source[physicalFunction: virtual].map { settings.isSatisfied(by: $0) } ?? false
        }
    }
}

extension Function {
    /// Whether a fact holds for a port, or for all ports. It does not hold for a port that is missing.
    fileprivate func hasPorts(_ id: PortID?, where holds: (NetworkInterface) -> Bool) -> Bool {
        let ports = interfaces.ports(id)
        return (id == nil || !ports.isEmpty) && ports.allSatisfy(holds)
    }

    /// In any network namespace.
    fileprivate var hasInterface: Bool { !interfaces.isEmpty || hasInterfaceElsewhere }
}

extension FunctionSource {
    /// The settings that a PF reports for a VF; nil if either is missing or the PF reports none.
    subscript(physicalFunction virtual: VirtualFunction) -> VFSettings? {
        address(of: virtual).flatMap { settings(ofVFAt: $0) }
    }

    /// A VF without a network interface although another with the same driver has one; nil if there is none.
    fileprivate func vfWithoutInterface(of address: PCIAddress) -> PCIAddress? {
        let vfs = (self[address]?.sriov?.virtualFunctions ?? []).compactMap { self[$0] }
        let making = Set(vfs.filter(\.hasInterface).compactMap(\.driver))
        return vfs.first { !$0.hasInterface && $0.driver.map(making.contains) == true }?.address
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
        case .link(let address, let port?, let up): "port \(port) of \(address) is \(up ? "up" : "down")"
        case .link(let address, nil, let up): "the ports of \(address) are \(up ? "up" : "down")"
        case .mtu(let address, let port?, let octets): "port \(port) of \(address) has an MTU of \(octets)"
        case .mtu(let address, nil, let octets): "the ports of \(address) have an MTU of \(octets)"
        case .msixCount(let address, let count): "\(address) has \(count) MSI-X vectors"
        case .uniformInterfaces(let address): "every VF of \(address) has a network interface, as others of it have"
        case .vfSettings(let virtual, let settings):
            "VF \(virtual.index) of \(virtual.physicalFunction) shows \(settings)"
        }
    }
}
