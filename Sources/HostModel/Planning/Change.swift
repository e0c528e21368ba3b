// SPDX-License-Identifier: GPL-3.0-or-later

/// Checked steps that lead one subject from one aspect to another.
public struct Change: Hashable, Sendable, Codable {
    public let from: Aspect
    public let to: Aspect
    public let steps: [Step]

    public init(from: Aspect, to: Aspect, steps: [Step]) {
        self.from = from
        self.to = to
        self.steps = steps
    }

    /// Whether it creates VFs: their addresses are known only afterwards.
    public var makesVFs: Bool { if case .virtualFunctions = to { true } else { false } }
}

extension [Change] {
    /// The same changes in the same order, grouped into runs. The intents of a run can be recorded together before its
    /// first change begins.
    ///
    /// The driver and the settings of a VF depend on no other VF. Recovery can therefore handle the changes of a run in
    /// their order, whichever of them had begun. A second change of the same aspect of the same VF begins a new run. Every
    /// other change is a run by itself.
    public var runs: [[Change]] {
        var runs: [[Change]] = []
        var met: Set<Aspect.Key> = []
        for change in self {
            if let key = change.to.independentKey, !met.isEmpty, met.insert(key).inserted {
                runs[runs.count - 1].append(change)
            } else {
                runs.append([change])
                met = Set([change.to.independentKey].compactMap(\.self))
            }
        }
        return runs
    }
}

extension Aspect {
    /// An aspect of one VF that is independent of other VFs.
    fileprivate enum Key: Hashable {
        case binding(PCIAddress)
        case settings(VirtualFunction)
    }

    /// nil for an aspect on which other changes can depend.
    fileprivate var independentKey: Key? {
        switch self {
        case .binding(let address, _, _): .binding(address)
        case .vfSettings(let virtual, _): .settings(virtual)
        case .virtualFunctions, .link, .mtu, .msixCount: nil
        }
    }
}

/// One action with the conditions that must hold before and after it.
public struct Step: Hashable, Sendable, Codable {
    public let action: HostAction
    public let preconditions: [Condition]
    public let postconditions: [Condition]

    public init(_ action: HostAction, requires: [Condition], ensures: [Condition]) {
        self.action = action
        preconditions = requires
        postconditions = ensures
    }
}
