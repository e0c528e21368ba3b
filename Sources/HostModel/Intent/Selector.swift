// SPDX-License-Identifier: GPL-3.0-or-later

/// Selects functions. A function must match every list that is present; an absent list matches all.
///
/// Fields that the SR-IOV network device plugin has too have the plugin's names. The lists that name a PF (``pfNames``,
/// ``physicalFunctions``, ``paths``, ``macs``, ``serials``) select the PF and its VFs.
public struct Selector: Hashable, Sendable, Codable {
    public var addresses: [PCIAddress]?
    public var vendors: [UInt16]?
    public var devices: [UInt16]?
    public var classes: [ClassPrefix]?
    public var drivers: [String]?
    /// Interface names of the function's PF, or of the function itself. Convenient, but names change more often than
    /// addresses.
    public var pfNames: [PFSlice<String>]?
    public var physicalFunctions: [PFSlice<PCIAddress>]?
    /// The slot of the function's PF, or of the function itself.
    public var paths: [SlotPath]?
    /// MAC addresses that an interface of the function's PF, or of the function itself, has now.
    public var macs: [MACAddress]?
    /// Serial numbers of the function's PF, or of the function itself.
    public var serials: [SerialNumber]?
    /// VF indexes; a function that is not a VF matches none.
    public var vfs: [VFRange]?
    public var numaNodes: [Int]?
    public var kinds: [Kind]?

    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        case physicalFunction = "physical-function"
        case virtualFunction = "virtual-function"
        case function
    }

    public init(
        addresses: [PCIAddress]? = nil, vendors: [UInt16]? = nil, devices: [UInt16]? = nil,
        classes: [ClassPrefix]? = nil, drivers: [String]? = nil, pfNames: [PFSlice<String>]? = nil,
        physicalFunctions: [PFSlice<PCIAddress>]? = nil, paths: [SlotPath]? = nil, macs: [MACAddress]? = nil,
        serials: [SerialNumber]? = nil, vfs: [VFRange]? = nil, numaNodes: [Int]? = nil, kinds: [Kind]? = nil
    ) {
        self.addresses = addresses
        self.vendors = vendors
        self.devices = devices
        self.classes = classes
        self.drivers = drivers
        self.pfNames = pfNames
        self.physicalFunctions = physicalFunctions
        self.paths = paths
        self.macs = macs
        self.serials = serials
        self.vfs = vfs
        self.numaNodes = numaNodes
        self.kinds = kinds
    }

    /// The functions that match, without bridges and unplaced VFs, in address order.
    public func matches(in host: HostSnapshot) -> [Function] { positions(in: host).map { host.functions[$0] } }

    /// Their positions among the host's functions: copying thousands of functions costs more than choosing among them.
    func positions(in host: HostSnapshot) -> [Int] {
        if let known = host.members[self] { return known }
        let soleNode = soleNode(of: host)
        return host.functions.indices.filter { admits($0, on: host, soleNode) }
    }

    func admits(_ position: Int, on host: HostSnapshot) -> Bool { admits(position, on: host, soleNode(of: host)) }

    private func admits(_ position: Int, on host: HostSnapshot, _ soleNode: Int?) -> Bool {
        admits(position, of: host.functions) && admitsNode(host.functions[position].numaNode ?? soleNode)
            && admitsCard(of: position, on: host)
    }

    /// Only selectors of nodes need it, and on a host without nodes it looks at every function.
    private func soleNode(of host: HostSnapshot) -> Int? { numaNodes == nil ? nil : host.soleNode }

    /// Judges the function's own facts in place: passing the function would copy it.
    private func admits(_ position: Int, of functions: [Function]) -> Bool {
        !functions[position].identity.isBridge && !functions[position].isUnplaced
            && allows(addresses) { $0 == functions[position].address }
            && allows(vendors) { $0 == functions[position].identity.vendor }
            && allows(devices) { $0 == functions[position].identity.device }
            && allows(classes) { functions[position].identity.classCode.map($0.covers) ?? false }
            && allows(kinds) { $0 == functions[position].role.kind }
            && allows(drivers) { $0 == functions[position].driver }
            && allows(vfs) { range in functions[position].virtualFunction.map { range.contains($0.index) } ?? false }
    }

    private func admitsNode(_ node: Int?) -> Bool { allows(numaNodes) { $0 == node } }

    /// Whether a list names a PF.
    var namesCards: Bool {
        physicalFunctions != nil || pfNames != nil || macs != nil || serials != nil || paths != nil
    }

    private func admitsCard(of position: Int, on host: HostSnapshot) -> Bool {
        // Most selectors name no PF, and finding the PF of thousands of functions costs more than all the rest.
        guard namesCards else { return true }
        let function = host.functions[position]
        let address = function.virtualFunction?.physicalFunction ?? function.address
        let ports = host[address]?.ports ?? []
        return allows(physicalFunctions) { $0.name == address && $0.covers(function) }
            && allows(pfNames) { slice in
                ports.contains { $0.name == slice.name } && slice.covers(function)
            }
            && allows(macs) { mac in ports.contains { $0.mac == mac } }
            && allows(serials) { $0 == host[address]?.serialNumber }
            && allows(paths) { path in host[address].flatMap { SlotPath(of: $0, on: host) } == path }
    }

    private func allows<Value>(_ list: [Value]?, where holds: (Value) -> Bool) -> Bool {
        list?.contains(where: holds) ?? true
    }
}

extension Function.Role {
    public var kind: Selector.Kind {
        switch self {
        case .physicalFunction: .physicalFunction
        case .virtualFunction, .unplacedVirtualFunction: .virtualFunction
        case .function: .function
        }
    }
}
