// SPDX-License-Identifier: GPL-3.0-or-later

/// Which functions are meant. Every list that is given must hold the function's value; an absent list admits all.
///
/// Field names follow what users of the SR-IOV device plugin know, where it has the same field.
public struct Selector: Hashable, Sendable {
    public var addresses: [PCIAddress]?
    public var vendors: [UInt16]?
    public var devices: [UInt16]?
    public var drivers: [String]?
    /// Interface names of the function's PF, or of the function itself. For people: names change, addresses less often.
    public var pfNames: [String]?
    /// The PFs whose VFs are meant, and the PFs themselves.
    public var physicalFunctions: [PCIAddress]?
    public var numaNodes: [Int]?
    public var kinds: [Kind]?

    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case physicalFunction = "physical-function"
        case virtualFunction = "virtual-function"
        case function
    }

    public init(
        addresses: [PCIAddress]? = nil, vendors: [UInt16]? = nil, devices: [UInt16]? = nil, drivers: [String]? = nil,
        pfNames: [String]? = nil, physicalFunctions: [PCIAddress]? = nil, numaNodes: [Int]? = nil,
        kinds: [Kind]? = nil
    ) {
        self.addresses = addresses
        self.vendors = vendors
        self.devices = devices
        self.drivers = drivers
        self.pfNames = pfNames
        self.physicalFunctions = physicalFunctions
        self.numaNodes = numaNodes
        self.kinds = kinds
    }

    /// The functions of a host that are meant, bridges left out, in address order.
    public func matches(in host: HostSnapshot) -> [Function] {
        host.functions.filter { !$0.isBridge && admits($0, on: host) }
    }

    private func admits(_ function: Function, on host: HostSnapshot) -> Bool {
        let physical = function.virtualFunction?.physicalFunction ?? function.address
        return allows(addresses, function.address)
            && allows(vendors, function.identity.vendor)
            && allows(devices, function.identity.device)
            && allows(kinds, function.role.kind)
            && allows(physicalFunctions, physical)
            && (drivers == nil || function.driver.map { allows(drivers, $0) } ?? false)
            && (numaNodes == nil || function.numaNode.map { allows(numaNodes, $0) } ?? false)
            && (pfNames == nil || host[physical]?.interfaces.contains { allows(pfNames, $0.name) } ?? false)
    }

    private func allows<Value: Equatable>(_ list: [Value]?, _ value: Value) -> Bool { list?.contains(value) ?? true }
}

extension Function.Role {
    public var kind: Selector.Kind {
        switch self {
        case .physicalFunction: .physicalFunction
        case .virtualFunction: .virtualFunction
        case .function: .function
        }
    }
}
