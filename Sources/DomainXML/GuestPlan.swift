// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// The places of devices that libvirt cannot place: those with companions, and those that are aligned to a node.
struct GuestPlan {
    /// By device name. Every other device has its place already, or gets one from libvirt.
    private(set) var places: [String: GuestPlace] = [:]
    /// Present devices that are not among the specs and get companions.
    private(set) var leadersThatStay: [String: GuestPlace] = [:]
    private var controllers: [String: [Markup]] = [:]

    init(for specs: [DeviceSpec], in domain: Domain) throws(DomainXMLError) {
        let companions = try Self.companions(among: specs, in: domain)
        guard !companions.isEmpty || specs.contains(where: { $0.alignedTo != nil }) else { return }
        var buses = GuestBuses(domain.document.root)
        let expanders = GuestNodes(of: domain).expanders
        let leaders = specs.filter { $0.companionOf == nil }
        let staying = Set(companions.keys).subtracting(leaders.map(\.name)).sorted()
        for (name, node) in leaders.map({ ($0.name, $0.alignedTo) }) + staying.map({ ($0, nil) }) {
            let group = companions[name] ?? []
            let expander = node.flatMap { expanders[$0] }
            guard !group.isEmpty || expander != nil else { continue }
            var place: GuestPlace
            if let present = domain.passthrough(named: name), present.element.first("address") != nil {
                guard let there = GuestAddress(of: present.element) else {
                    guard let companion = group.first else { continue }
                    throw .companion(companion.name, of: name, reason: "that has an <address> without a PCI slot")
                }
                place = GuestPlace(address: there)
            } else {
                guard let found = buses.takeSlot(for: name, on: expander) else { throw .noGuestSlot(for: name) }
                place = GuestPlace(address: found.place)
                controllers[name] = found.controllers
            }
            for companion in group where domain.passthrough(named: companion.name)?.element.first("address") == nil {
                guard let beside = buses.takeFunction(besides: place.address, preferring: companion.hostFunction)
                else { throw .companion(companion.name, of: name, reason: "its slot has eight functions") }
                places[companion.name] = GuestPlace(address: beside)
            }
            place.isMultifunction = !group.isEmpty && place.address.function == 0
            if staying.contains(name) { leadersThatStay[name] = place } else { places[name] = place }
        }
    }

    /// The controllers to add for a device; empty at a second call.
    mutating func takeControllers(for name: String) -> [Markup] { controllers.removeValue(forKey: name) ?? [] }

    /// By leader, in the order given.
    private static func companions(
        among specs: [DeviceSpec], in domain: Domain
    ) throws(DomainXMLError) -> [String: [DeviceSpec]] {
        var groups: [String: [DeviceSpec]] = [:]
        for spec in specs {
            guard let leader = spec.companionOf else { continue }
            let other = specs.first { $0.name == leader }
            guard leader != spec.name else {
                throw .companion(spec.name, of: leader, reason: "it is the device itself")
            }
            guard other != nil || domain.passthrough(named: leader) != nil else {
                throw .companion(spec.name, of: leader, reason: "there is no such device")
            }
            guard other?.companionOf == nil else {
                throw .companion(spec.name, of: leader, reason: "that is a companion itself")
            }
            groups[leader, default: []].append(spec)
        }
        return groups
    }
}

extension DeviceSpec {
    fileprivate var hostFunction: Int { Int(address.function) }
}
