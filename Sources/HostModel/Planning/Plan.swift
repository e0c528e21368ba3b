// SPDX-License-Identifier: GPL-3.0-or-later

/// The changes that lead to the desired state. Empty when there is nothing to do.
public struct Plan: Hashable, Sendable {
    /// Each PF's changes are in order; PFs are independent of each other.
    public var perPF: [PFPlan]
    public var blastRadius: BlastRadius
    /// What a person should know before applying it, one line each.
    public var notes: [String] = []

    public init(perPF: [PFPlan] = [], blastRadius: BlastRadius = BlastRadius()) {
        self.perPF = perPF
        self.blastRadius = blastRadius
    }

    public var isEmpty: Bool { perPF.isEmpty }
}

/// The changes that one PF and its VFs need.
public struct PFPlan: Hashable, Sendable {
    public let physicalFunction: PCIAddress
    public let purpose: Purpose
    public let changes: [Change]

    public enum Purpose: String, Hashable, Sendable, Codable {
        /// The configuration declares the PF.
        case declared
        /// The PF is no longer declared: its original state is restored.
        case restored
    }

    public var stepCount: Int { changes.reduce(0) { $0 + $1.steps.count } }

    public init(physicalFunction: PCIAddress, purpose: Purpose, changes: [Change]) {
        self.physicalFunction = physicalFunction
        self.purpose = purpose
        self.changes = changes
    }
}

/// The functions and interfaces that vanish with a plan. Claims and running guests are never in it: a plan that would affect them is refused.
public struct BlastRadius: Hashable, Sendable {
    /// Network interfaces of VFs that would vanish, by name.
    public var interfaces: [String]
    /// VFs that would vanish.
    public var functions: [PCIAddress]
    /// Those of ``functions`` whose interface is in another network namespace, as of a container.
    public var elsewhere: [PCIAddress]

    public init(interfaces: [String] = [], functions: [PCIAddress] = [], elsewhere: [PCIAddress] = []) {
        self.interfaces = interfaces
        self.functions = functions
        self.elsewhere = elsewhere
    }

    public var isEmpty: Bool { interfaces.isEmpty && functions.isEmpty }

    /// The first interface that would vanish, as a refusal; nil without any.
    ///
    /// - Parameter card: the PF that has the VFs.
    func hostUse(on card: PCIAddress) -> Refusal? {
        if let interface = interfaces.first { return .function(card, .usedByHost(interface: interface)) }
        return elsewhere.first.map { .function($0, .interfaceElsewhere) }
    }
}
