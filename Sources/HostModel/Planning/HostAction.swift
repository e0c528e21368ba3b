// SPDX-License-Identifier: GPL-3.0-or-later

/// One action on the host. Buslane changes a host only by these.
public enum HostAction: Hashable, Sendable, Codable {
    /// Whether the kernel binds drivers to new VFs. Writes `sriov_drivers_autoprobe`.
    case setDriversAutoprobe(physicalFunction: PCIAddress, on: Bool)
    /// Writes `sriov_numvfs`. The kernel accepts only 0 to N and N to 0.
    case setVFCount(physicalFunction: PCIAddress, count: Int)
    /// Sets a PF's port up or down, or all its ports: a VF has no link while its port is down. rtnetlink, by ifindex.
    case setLink(physicalFunction: PCIAddress, port: PortID? = nil, up: Bool)
    /// The MTU of a PF's port, or of all its ports, in octets. rtnetlink, by ifindex.
    case setMTU(physicalFunction: PCIAddress, port: PortID? = nil, octets: Int)
    /// The settings that the PF enforces for one VF; fields that are nil stay unchanged. rtnetlink, by ifindex.
    case setVFSettings(VirtualFunction, VFSettings)
    /// How many interrupt vectors a VF without a driver has; nil for the default of its PF's driver. Writes
    /// `sriov_vf_msix_count`.
    case setMSIXCount(PCIAddress, Int?)
    /// The only driver that may bind to the function; nil for any. Writes `driver_override`.
    case setDriverOverride(PCIAddress, driver: String?)
    /// Unbinds the function from its driver. Writes `driver/unbind`.
    case unbindDriver(PCIAddress)
    /// Makes the kernel look for the function's driver. Writes `bus/pci/drivers_probe`.
    case probeDriver(PCIAddress)
    /// Resets the function, and nothing else. Writes `reset`.
    case reset(PCIAddress)

    /// Whether the action changes something that can be observed.
    public var isObservable: Bool { if case .reset = self { false } else { true } }

    /// The function whose state the action changes.
    public var subject: PCIAddress {
        switch self {
        case .setDriversAutoprobe(let address, _), .setVFCount(let address, _), .setLink(let address, _, _),
            .setMTU(let address, _, _),
            .setDriverOverride(let address, _), .unbindDriver(let address), .probeDriver(let address),
            .reset(let address), .setMSIXCount(let address, _):
            address
        case .setVFSettings(let virtual, _): virtual.physicalFunction
        }
    }
}

extension HostAction: CustomStringConvertible {
    public var description: String {
        switch self {
        case .setDriversAutoprobe(let pf, let on): "set drivers_autoprobe of \(pf) \(on ? "on" : "off")"
        case .setVFCount(let pf, let count): "set VF count of \(pf) to \(count)"
        case .setLink(let pf, let port, let up): "set link\(port.inWords) of \(pf) \(up ? "up" : "down")"
        case .setMTU(let pf, let port, let octets): "set MTU\(port.inWords) of \(pf) to \(octets)"
        case .setVFSettings(let vf, let settings): "set VF \(vf.index) of \(vf.physicalFunction): \(settings)"
        case .setMSIXCount(let address, let count?): "set MSI-X vectors of \(address) to \(count)"
        case .setMSIXCount(let address, nil): "set MSI-X vectors of \(address) to its driver's default"
        case .setDriverOverride(let address, let driver?): "set driver override of \(address) to \(driver)"
        case .setDriverOverride(let address, nil): "clear driver override of \(address)"
        case .unbindDriver(let address): "unbind \(address) from its driver"
        case .probeDriver(let address): "probe a driver for \(address)"
        case .reset(let address): "reset \(address)"
        }
    }
}
