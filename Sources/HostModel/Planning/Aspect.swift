// SPDX-License-Identifier: GPL-3.0-or-later

/// One aspect of a function, as it is or as it should be: what a change leads from and to.
///
/// Undo and recovery are planned anew from what is observed toward the recorded aspect, and not by playing actions
/// backwards: an action half done has no inverse, an aspect has a way to it from anywhere.
public enum Aspect: Hashable, Sendable, Codable {
    /// How a PF is cut up.
    case virtualFunctions(PCIAddress, count: Int, driversAutoprobe: Bool)
    /// Whether a PF's interfaces are switched on.
    case link(PCIAddress, up: Bool)
    /// The largest packet that a PF's interfaces carry, in octets.
    case mtu(PCIAddress, octets: Int)
    /// Which driver has the function, and which one alone may.
    case binding(PCIAddress, driver: String?, driverOverride: String?)
    /// How many interrupt vectors a VF has; nil is what its PF's driver gives by itself.
    case msixCount(PCIAddress, Int?)
    /// What the PF enforces for a VF.
    case vfSettings(VirtualFunction, VFSettings)

    /// The function the aspect belongs to; for VF settings the PF, which is where they are set.
    public var subject: PCIAddress {
        switch self {
        case .virtualFunctions(let address, _, _), .link(let address, _), .mtu(let address, _),
            .binding(let address, _, _), .msixCount(let address, _):
            address
        case .vfSettings(let virtual, _): virtual.physicalFunction
        }
    }

    /// The function whose state is in doubt when a change of it went wrong: for what a PF enforces for a VF, that VF.
    public func suspect(on source: some FunctionSource) -> PCIAddress {
        guard case .vfSettings(let virtual, _) = self else { return subject }
        return source.address(of: virtual) ?? subject
    }

    /// The facts that make it true.
    public var conditions: [Condition] {
        switch self {
        case .virtualFunctions(let address, let count, let autoprobe):
            [.driversAutoprobe(address, autoprobe), .virtualFunctions(address, count: count)]
        case .link(let address, let up): [.link(address, up: up)]
        case .mtu(let address, let octets): [.mtu(address, octets: octets)]
        case .binding(let address, let driver, let override):
            [.driver(address, driver), .driverOverride(address, override)]
        case .msixCount(let address, let count): [count.map { .msixCount(address, $0) } ?? .exists(address)]
        case .vfSettings(let virtual, let settings): [.vfSettings(virtual, settings)]
        }
    }

    public func holds(on source: some FunctionSource) -> Bool { conditions.allSatisfy { $0.holds(on: source) } }

    /// The same aspect as observed now; nil when its function is gone or does not have it.
    public func observed(on source: some FunctionSource) -> Aspect? {
        switch self {
        case .virtualFunctions(let address, _, _):
            source[address]?.sriov.map {
                .virtualFunctions(address, count: $0.vfCount, driversAutoprobe: $0.driversAutoprobe ?? true)
            }
        case .link(let address, _):
            source[address].map { .link(address, up: $0.interfaces.allSatisfy(\.isAdministrativelyUp)) }
        case .mtu(let address, _):
            source[address]?.interfaces.compactMap(\.mtu).min().map { .mtu(address, octets: $0) }
        case .binding(let address, _, _):
            source.binding(of: address).map { .binding(address, driver: $0.driver, driverOverride: $0.driverOverride) }
        case .msixCount(let address, _): source[address].map { .msixCount(address, $0.vfMSIXCount) }
        case .vfSettings(let virtual, let settings):
            source[physicalFunction: virtual].map { .vfSettings(virtual, $0.restoring(settings)) }
        }
    }
}

extension Aspect: CustomStringConvertible {
    /// What a person reads of it, without its subject: `4 VFs, autoprobe off`, `driver vfio-pci`.
    public var description: String {
        switch self {
        case .virtualFunctions(_, let count, let autoprobe):
            "\(count) VF\(count == 1 ? "" : "s"), autoprobe \(autoprobe ? "on" : "off")"
        case .link(_, let up): "link \(up ? "up" : "down")"
        case .mtu(_, let octets): "MTU \(octets)"
        case .binding(_, let driver, let override):
            (driver.map { "driver \($0)" } ?? "no driver")
                + (override.map { $0 == driver ? "" : ", override \($0)" } ?? "")
        case .msixCount(_, let count): count.map { "\($0) MSI-X vectors" } ?? "MSI-X vectors as the driver gives them"
        case .vfSettings(let virtual, let settings): "VF \(virtual.index) \(settings)"
        }
    }
}

/// One subject brought from one aspect to another by checked steps.
public struct Change: Hashable, Sendable, Codable {
    public let from: Aspect
    public let to: Aspect
    public let steps: [Step]

    public init(from: Aspect, to: Aspect, steps: [Step]) {
        self.from = from
        self.to = to
        self.steps = steps
    }

    /// Whether it cuts a card up anew: where its VFs come out is seen when they are there.
    public var makesVFs: Bool { if case .virtualFunctions = to { true } else { false } }
}

extension [Change] {
    /// The same changes in the same order, in runs that can be written down before the first of each begins.
    ///
    /// What VFs are bound to and what is enforced for them depends on no other VF, and recovery may settle a run's changes
    /// in their order, whichever of them had begun. A change of the same aspect of the same VF begins a new run, and all
    /// else stands alone.
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
    /// Which aspect of which VF.
    fileprivate enum Key: Hashable {
        case binding(PCIAddress)
        case settings(VirtualFunction)
    }

    /// nil for what other changes can depend on.
    fileprivate var independentKey: Key? {
        switch self {
        case .binding(let address, _, _): .binding(address)
        case .vfSettings(let virtual, _): .settings(virtual)
        case .virtualFunctions, .link, .mtu, .msixCount: nil
        }
    }
}

/// One effect with what must hold before it and what must hold after it.
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
