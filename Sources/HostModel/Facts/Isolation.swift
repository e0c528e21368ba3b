// SPDX-License-Identifier: GPL-3.0-or-later

/// Access control on the path from a function to the root of its bus.
public struct ACSPath: Hashable, Sendable {
    /// Functions that let traffic bypass the IOMMU, the nearest first.
    public let gaps: [PCIAddress]
    /// Functions whose access control could not be read.
    public let unknown: [PCIAddress]

    /// Whether all traffic of the function goes through the IOMMU; nil if unknown.
    public var isComplete: Bool? { gaps.isEmpty ? (unknown.isEmpty ? true : nil) : false }
}

extension HostSnapshot {
    /// All functions above one in the device tree, the nearest first.
    public func ancestors(of address: PCIAddress) -> [Function] {
        var ancestors: [Function] = []
        forEachAncestor(of: address) { ancestors.append($0) }
        return ancestors
    }

    private func forEachAncestor(of address: PCIAddress, _ body: (Function) -> Void) {
        // Few functions are above another: a list is sooner searched than a set is made.
        var seen = [address]
        var next = self[address]?.parent
        while let above = next, !seen.contains(above), let function = self[above] {
            seen.append(above)
            body(function)
            next = function.parent
        }
    }

    /// Access control from the function itself up to its root.
    ///
    /// Source: `pci_acs_path_enabled`, drivers/pci/pci.c.
    public func acsPath(of function: Function) -> ACSPath {
        var (gaps, unknown): ([PCIAddress], [PCIAddress]) = ([], [])
        func pass(_ function: Function) {
            switch function.capabilities?.isolates {
            case false?: gaps.append(function.address)
            case nil: unknown.append(function.address)
            case true?: break
            }
        }
        pass(function)
        forEachAncestor(of: function.address, pass)
        return ACSPath(gaps: gaps, unknown: unknown)
    }
}

extension IOMMUGroup {
    /// Why the kernel put several functions into one group.
    public enum Reason: Hashable, Sendable {
        /// A controller with a bus of its own, like Intel VMD, uses its own requester id for all functions on that bus.
        case behindController(PCIAddress)
        /// The bridge uses its own requester id for all functions behind it.
        case behindBridge(PCIAddress, isConventional: Bool)
        /// The ports let the functions below them reach each other.
        case portsLackACS([Port])
        /// The functions of one device can reach each other inside it.
        case oneDevice([PCIAddress], lacksACS: Bool?)
        /// The functions are below bridges whose capabilities could not be read.
        case belowUnreadable([PCIAddress])
        /// The readable capabilities do not explain it: a quirk of the device, or a shared requester id.
        case unexplained(unreadable: [PCIAddress])

        /// A port that does not isolate.
        public struct Port: Hashable, Sendable {
            public let address: PCIAddress
            public let kind: Capabilities.PortType?
            /// The controls that are off; nil if the port has no ACS.
            public let missing: ACS.Controls?
        }
    }

    /// Why the group has more than one function; nil if it has one.
    ///
    /// Derived from its members' capabilities, in the order in which the kernel forms groups. A bridge is named only if it
    /// is in the group itself: the kernel puts a bridge that does not isolate into the group.
    ///
    /// Source: `pci_device_group`, drivers/iommu/iommu.c.
    public func reason(on host: HostSnapshot) -> Reason? {
        guard functions.count > 1 else { return nil }
        let members = Set(functions)
        let carriers = Set(
            functions.flatMap { host.ancestors(of: $0) }.filter { members.contains($0.address) }.map(\.address)
        ).compactMap { host[$0] }.sorted { $0.address < $1.address }
        // A bridge below another chosen bridge explains nothing more.
        func uppermost(_ chosen: [Function]) -> [Function] {
            let addresses = Set(chosen.map(\.address))
            return chosen.filter { host.ancestors(of: $0.address).allSatisfy { !addresses.contains($0.address) } }
        }
        // 1. One requester id for a whole bus. Source: `pci_real_dma_dev`, arch/x86/pci/common.c.
        if let controller = carriers.first(where: { !$0.isBridge }) { return .behindController(controller.address) }
        let conventional = carriers.filter { carrier in
            carrier.capabilities.map { [nil, .pcieToPCIBridge, .pciToPCIeBridge].contains($0.portType) } ?? false
        }
        if let bridge = uppermost(conventional).first {
            return .behindBridge(bridge.address, isConventional: bridge.capabilities?.portType == nil)
        }
        // 2. A port above that lets traffic turn round.
        let open = uppermost(carriers.filter { $0.capabilities?.isolates == false })
        if !open.isEmpty {
            return .portsLackACS(
                open.map {
                    .init(
                        address: $0.address, kind: $0.capabilities?.portType,
                        missing: $0.capabilities?.extended?.acs?.missing)
                })
        }
        let unread = uppermost(carriers.filter { $0.capabilities?.isolates == nil })
        if !unread.isEmpty { return .belowUnreadable(unread.map(\.address)) }
        // 3. Functions of one device.
        let inSlot = functions.filter { $0.isInSlot(of: functions[0]) }
        if inSlot.count == functions.count {
            let isolation = functions.map { host[$0]?.capabilities?.isolates }
            let lacksACS: Bool? = isolation.contains(true) ? false : isolation.contains(nil) ? nil : true
            return .oneDevice(functions, lacksACS: lacksACS)
        }
        return .unexplained(unreadable: functions.filter { host[$0]?.capabilities?.isolates == nil })
    }
}

extension PCIAddress {
    func isInSlot(of other: PCIAddress) -> Bool {
        domain == other.domain && bus == other.bus && device == other.device
    }
}

extension IOMMUGroup.Reason: CustomStringConvertible {
    /// For people, to follow "because".
    public var description: String {
        switch self {
        case .behindController(let controller):
            "behind the controller \(controller), which uses its own requester id for all of them"
        case .behindBridge(let bridge, let isConventional):
            "behind the \(isConventional ? "conventional PCI" : "PCIe-to-PCI") bridge \(bridge)"
        case .portsLackACS(let ports): ports.map(\.description).joined(separator: "; ")
        case .oneDevice(let functions, let lacksACS):
            switch lacksACS {
            case true?: "functions of one multi-function device without ACS"
            case nil: "functions of one device (\(Self.unreadable(functions)))"
            case false?: "functions of one device, which its PCI capabilities do not explain"
            }
        case .belowUnreadable(let bridges):
            "below \(bridges.map(\.description).joined(separator: ", ")) (\(Self.unreadable(bridges)))"
        case .unexplained(let unreadable):
            unreadable.isEmpty
                ? "the kernel cannot tell them apart, and their PCI capabilities do not show why"
                : "the kernel cannot tell them apart (\(Self.unreadable(unreadable)))"
        }
    }

    private static func unreadable(_ addresses: [PCIAddress]) -> String {
        "PCI capabilities of \(addresses.count == 1 ? "it" : "them") not readable: run as root to see why"
    }
}

extension IOMMUGroup.Reason.Port: CustomStringConvertible {
    public var description: String {
        let name =
            switch kind {
            case .rootPort?: "root port"
            case .downstreamPort?: "downstream port"
            case .upstreamPort?: "upstream port"
            default: "bridge"
            }
        guard let missing, !missing.isEmpty else { return "\(name) \(address) lacks ACS" }
        return "\(name) \(address) has ACS controls off: \(missing.names.joined(separator: ", "))"
    }
}
