// SPDX-License-Identifier: GPL-3.0-or-later

/// One aspect of a function, as it is or as it should be. A change leads from one to another.
///
/// Undo and recovery are planned again, from the observed aspect to the recorded one. They do not reverse actions: an
/// action that was half done has no inverse, but there is a plan to an aspect from every state.
public enum Aspect: Hashable, Sendable, Codable {
    /// A PF's VFs, and whether the kernel binds drivers to them.
    case virtualFunctions(PCIAddress, count: Int, driversAutoprobe: Bool)
    /// Whether a PF's port is up; all its ports if `port` is nil.
    case link(PCIAddress, port: PortID? = nil, up: Bool)
    /// The MTU of a PF's port, in octets; of all its ports if `port` is nil.
    case mtu(PCIAddress, port: PortID? = nil, octets: Int)
    /// The function's driver, and the only driver that may bind to it.
    case binding(PCIAddress, driver: String?, driverOverride: String?)
    /// How many interrupt vectors a VF has; nil for the default of its PF's driver.
    case msixCount(PCIAddress, Int?)
    /// The settings that the PF enforces for a VF.
    case vfSettings(VirtualFunction, VFSettings)

    /// The function that the aspect belongs to; for VF settings the PF, which enforces them.
    public var subject: PCIAddress {
        switch self {
        case .virtualFunctions(let address, _, _), .link(let address, _, _), .mtu(let address, _, _),
            .binding(let address, _, _), .msixCount(let address, _):
            address
        case .vfSettings(let virtual, _): virtual.physicalFunction
        }
    }

    /// The function whose state is unknown after a failed change: for VF settings, the VF.
    public func suspect(on source: some FunctionSource) -> PCIAddress {
        guard case .vfSettings(let virtual, _) = self else { return subject }
        return source.address(of: virtual) ?? subject
    }

    /// The conditions that together are equivalent to the aspect.
    public var conditions: [Condition] {
        switch self {
        case .virtualFunctions(let address, let count, let autoprobe):
            [.driversAutoprobe(address, autoprobe), .virtualFunctions(address, count: count)]
        case .link(let address, let port, let up): [.link(address, port: port, up: up)]
        case .mtu(let address, let port, let octets): [.mtu(address, port: port, octets: octets)]
        case .binding(let address, let driver, let override):
            [.driver(address, driver), .driverOverride(address, override)]
        case .msixCount(let address, let count): [count.map { .msixCount(address, $0) } ?? .exists(address)]
        case .vfSettings(let virtual, let settings): [.vfSettings(virtual, settings)]
        }
    }

    public func holds(on source: some FunctionSource) -> Bool { conditions.allSatisfy { $0.holds(on: source) } }

    /// The same aspect as observed now; nil if the function is missing or has no such aspect.
    public func observed(on source: some FunctionSource) -> Aspect? {
        switch self {
        case .virtualFunctions(let address, _, _):
            source[address]?.sriov.map {
                .virtualFunctions(address, count: $0.vfCount, driversAutoprobe: $0.driversAutoprobe ?? true)
            }
        case .link(let address, let port, _):
            source[address].map { $0.interfaces.ports(port) }.flatMap { ports in
                ports.isEmpty && port != nil
                    ? nil : .link(address, port: port, up: ports.allSatisfy(\.isAdministrativelyUp))
            }
        case .mtu(let address, let port, _):
            source[address]?.interfaces.ports(port).compactMap(\.mtu).min().map {
                .mtu(address, port: port, octets: $0)
            }
        case .binding(let address, _, _):
            source.binding(of: address).map { .binding(address, driver: $0.driver, driverOverride: $0.driverOverride) }
        case .msixCount(let address, _): source[address].map { .msixCount(address, $0.vfMSIXCount) }
        case .vfSettings(let virtual, let settings):
            source[physicalFunction: virtual].map { .vfSettings(virtual, $0.restoring(settings)) }
        }
    }
}

extension Aspect: CustomStringConvertible {
    /// For people, without the subject: `4 VFs, autoprobe off`, `driver vfio-pci`.
    public var description: String {
        switch self {
        case .virtualFunctions(_, let count, let autoprobe):
            "\(count) VF\(count == 1 ? "" : "s"), autoprobe \(autoprobe ? "on" : "off")"
        case .link(_, let port, let up): "link\(port.inWords) \(up ? "up" : "down")"
        case .mtu(_, let port, let octets): "MTU\(port.inWords) \(octets)"
        case .binding(_, let driver, let override):
            (driver.map { "driver \($0)" } ?? "no driver")
                + (override.map { $0 == driver ? "" : ", override \($0)" } ?? "")
        case .msixCount(_, let count): count.map { "\($0) MSI-X vectors" } ?? "the driver's default of MSI-X vectors"
        case .vfSettings(let virtual, let settings): "VF \(virtual.index) \(settings)"
        }
    }
}

extension PortID? {
    /// ` of port p1`; nothing for all ports.
    var inWords: String { map { " of port \($0)" } ?? "" }
}
