// SPDX-License-Identifier: GPL-3.0-or-later

/// The difference between two observations of one function.
public struct FunctionChange: Hashable, Sendable {
    public let address: PCIAddress
    /// nil for a function that is new.
    public let before: Function?
    /// nil for one that is gone.
    public let after: Function?

    public init(address: PCIAddress, before: Function?, after: Function?) {
        self.address = address
        self.before = before
        self.after = after
    }

    /// The function's PF; the function itself if it is not a VF.
    public var card: PCIAddress { (after ?? before)?.virtualFunction?.physicalFunction ?? address }

    /// Whether another card may be at the address now, or the driver of the one there brought interfaces, and with them the
    /// MAC addresses that identify it.
    public var isArrival: Bool {
        guard let after, after.virtualFunction == nil, !after.isUnplaced, !after.isBridge else { return false }
        guard let before else { return true }
        return before.identity != after.identity || before.serialNumber != after.serialNumber
            || (before.interfaces.isEmpty && !after.interfaces.isEmpty)
    }
}

extension HostSnapshot {
    /// Replaces functions that were read again, and returns those that differ.
    ///
    /// The cost depends only on the given functions, unless one was added or removed.
    ///
    /// - Parameters:
    ///   - functions: by address, each as it is now; nil for one that is gone.
    ///   - warnings: what could not be read of these functions; replaces their earlier warnings.
    ///   - group: reads an IOMMU group's own facts, without its functions. Called for groups that a function joined, and
    ///     for groups of functions whose driver changed: a group has a device only while VFIO is bound.
    public mutating func update(
        _ functions: [PCIAddress: Function?], warnings: [String] = [], group: (Int) -> IOMMUGroup
    ) -> [FunctionChange] {
        let changes = functions.compactMap { address, function -> FunctionChange? in
            let before = self[address]
            return before == function ? nil : FunctionChange(address: address, before: before, after: function)
        }.sorted { $0.address < $1.address }
        if !self.warnings.isEmpty {
            let subjects = Set(functions.keys.map(\.description))
            self.warnings.removeAll { subjects.contains(String($0.prefix { $0 != " " }.drop(suffix: ":"))) }
        }
        self.warnings += warnings
        replace(changes)
        for change in changes {
            let (left, joined) = (change.before?.iommuGroup, change.after?.iommuGroup)
            if let left, left != joined { leave(left, change.address) }
            if let joined, left != joined || change.before?.driver != change.after?.driver {
                join(group(joined), change.address)
            }
        }
        return changes
    }

    /// The differences between this snapshot and a later one, in address order.
    public func changes(to later: HostSnapshot) -> [FunctionChange] {
        var changes: [FunctionChange] = []
        for function in functions where later[function.address] != function {
            changes.append(.init(address: function.address, before: function, after: later[function.address]))
        }
        for function in later.functions where self[function.address] == nil {
            changes.append(.init(address: function.address, before: nil, after: function))
        }
        return changes.sorted { $0.address < $1.address }
    }

    private mutating func leave(_ id: Int, _ address: PCIAddress) {
        guard let position = groupPosition(id) else { return }
        let rest = iommuGroups[position].functions.filter { $0 != address }
        // A group vanishes with its last member.
        if rest.isEmpty {
            iommuGroups.remove(at: position)
        } else {
            iommuGroups[position] = iommuGroups[position].with(rest)
        }
    }

    private mutating func join(_ group: IOMMUGroup, _ address: PCIAddress) {
        if let position = groupPosition(group.id) {
            let members = Set(iommuGroups[position].functions).union([address])
            iommuGroups[position] = group.with(members.sorted())
        } else {
            let position = iommuGroups.firstIndex { $0.id > group.id } ?? iommuGroups.endIndex
            iommuGroups.insert(group.with([address]), at: position)
        }
        if !group.isNoIOMMU { iommu = IOMMU(enabled: true, kind: iommu.kind) }
    }
}

extension IOMMUGroup {
    fileprivate func with(_ functions: [PCIAddress]) -> IOMMUGroup {
        IOMMUGroup(id: id, type: type, functions: functions, device: device, isNoIOMMU: isNoIOMMU)
    }
}

extension Substring {
    fileprivate func drop(suffix: Character) -> Substring { last == suffix ? dropLast() : self }
}
