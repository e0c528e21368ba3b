// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// Devices that are to be added to a domain: what speaks against them, and the edits that write them.
struct DeviceAddition {
    private let domain: Domain
    /// With the MAC addresses of their standbys.
    private let specs: [DeviceSpec]

    /// - Throws: ``DomainXMLError/addressInUse(_:by:)`` when the domain would have a function twice,
    ///   ``DomainXMLError/nameInUse(_:by:)`` for two devices of one name, and the refusals of standbys.
    init(of devices: [DeviceSpec], to domain: Domain) throws(DomainXMLError) {
        var specs: [DeviceSpec] = []
        for device in devices { specs.append(try device.withStandby(in: domain)) }
        try Self.refuseConflicts(of: specs, in: domain)
        self.domain = domain
        self.specs = specs
    }

    /// - Throws: the refusals of companions, ``DomainXMLError/noGuestSlot(for:)``.
    func edits(in devices: DevicesElement) throws(DomainXMLError) -> [Edit] {
        let (document, layout) = (domain.document, devices.layout)
        var plan = try GuestPlan(for: specs, in: domain)
        var edits: [Edit] = []
        var insertion = ""
        for spec in specs {
            insertion += plan.takeControllers(for: spec.name).map(layout.block).joined()
            if let present = domain.passthrough(named: spec.name) {
                edits += document.edits(making: present, match: spec, at: plan.places[spec.name])
            } else {
                insertion += layout.block(spec.markup(at: plan.places[spec.name]))
            }
        }
        for (name, place) in plan.leadersThatStay {
            guard let present = domain.passthrough(named: name) else { continue }
            edits += document.edits(placing: present, at: place)
        }
        if !insertion.isEmpty { edits.append(devices.appending(insertion)) }
        return edits
    }

    /// Judges the domain as it would be: two devices may swap their functions.
    private static func refuseConflicts(of specs: [DeviceSpec], in domain: Domain) throws(DomainXMLError) {
        let names = Set(specs.map(\.name))
        var users: [PCIAddress: String] = [:]
        for device in domain.passthroughs where !(device.injectedName.map(names.contains) ?? false) {
            users[device.address] = device.label
        }
        for device in domain.foreign where device.isOnCommandLine { users[device.address] = device.label }
        let ours = Set(domain.passthroughs.filter { $0.injectedName != nil }.map(\.element.range))
        var aliases: [String: String] = [:]
        let elements = domain.document.root.all("devices").flatMap(\.children)
        for element in elements where !ours.contains(element.range) {
            if let alias = element.first("alias")?["name"] { aliases[alias] = element.label }
        }
        for spec in specs {
            if let user = aliases.updateValue("another device to add", forKey: spec.alias) {
                throw .nameInUse(spec.name, by: user)
            }
            if let user = users.updateValue("device '\(spec.alias)'", forKey: spec.address) {
                throw .addressInUse(spec.address, by: user)
            }
        }
    }
}
