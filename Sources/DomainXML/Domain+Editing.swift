// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension Domain {
    /// The domain with these devices in it, each with the alias `ua-buslane-NAME`.
    ///
    /// New devices come last in `<devices>`, laid out like their siblings. A device that is there with the same content
    /// stays as it is; when no device changes, the result is the domain itself. Where only host address, MAC, VLAN or
    /// teaming differ, only those are rewritten: the guest's `<address>`, `<boot>`, `<rom>` stay. A device of the same
    /// name but another kind is written again in its place, and keeps these.
    ///
    /// libvirt chooses each device's place in the guest, except for companions, which share a slot, and for devices
    /// that are aligned to a node which the guest sees (``placing(_:)``). On a machine with PCI Express these get a root
    /// port: a free one that is there, else a new one, with the alias `ua-lane-port-NAME` and the next index.
    ///
    /// - Throws: ``DomainXMLError/addressInUse(_:by:)`` when the domain would have a function twice,
    ///   ``DomainXMLError/nameInUse(_:by:)`` for two devices of one name, ``DomainXMLError/noDevices(line:)`` for a
    ///   domain without `<devices>`, which no libvirt prints, and the refusals of companions and standbys.
    public func adding(_ devices: [DeviceSpec]) throws(DomainXMLError) -> Domain {
        guard !devices.isEmpty else { return self }
        var specs: [DeviceSpec] = []
        for device in devices { specs.append(try withStandby(device)) }
        try refuseConflicts(specs)
        guard let container = document.root.all("devices").last else { throw .noDevices(line: document.root.line) }
        guard !container.isSelfClosing else { return try applying([opening(container)]).adding(devices) }
        var plan = try GuestPlan(for: specs, in: self)
        var edits: [Edit] = []
        var insertion = ""
        let layout = document.layout(endOf: container, childOf: document.root)
        for spec in specs {
            insertion += plan.takeControllers(for: spec.name).map(layout.block).joined()
            if let present = passthrough(named: spec.name) {
                edits += document.edits(making: present, match: spec, at: plan.places[spec.name])
            } else {
                insertion += layout.block(spec.markup(at: plan.places[spec.name]))
            }
        }
        for (name, place) in plan.leadersThatStay {
            guard let present = passthrough(named: name) else { continue }
            edits += document.edits(placing: present, at: place)
        }
        if !insertion.isEmpty {
            let place = document.insertionPoint(endOf: container)
            edits.append(Edit(range: place..<place, replacement: insertion))
        }
        return try applying(edits)
    }

    /// The domain without the devices of these names that Buslane added, and without the ports that it added for them;
    /// unknown names are ignored.
    ///
    /// Removing what ``adding(_:)`` added restores the document byte for byte. A port with something else behind it, or
    /// with a lower index than a controller that stays, stays too and is used by the next device: libvirt would fill a
    /// gap in the indexes with a port of its own.
    ///
    /// - Throws: ``DomainXMLError``, by no document that could be parsed.
    public func removing(names: Set<String>) throws(DomainXMLError) -> Domain {
        let going = passthroughs.filter { $0.injectedName.map(names.contains) ?? false }
        guard !going.isEmpty else { return self }
        return try applying(going.map { Edit(range: document.removalRange(of: $0.element), replacement: "") })
            .withoutIdlePorts(prefix: GuestBuses.portPrefix).closingDevices()
    }

    /// Judges the domain as it would be: two devices may swap their functions.
    private func refuseConflicts(_ devices: [DeviceSpec]) throws(DomainXMLError) {
        let names = Set(devices.map(\.name))
        var users: [PCIAddress: String] = [:]
        for device in passthroughs where !(device.injectedName.map(names.contains) ?? false) {
            users[device.address] = device.label
        }
        let ours = Set(passthroughs.filter { $0.injectedName != nil }.map(\.element.range))
        var aliases: [String: String] = [:]
        for element in document.root.all("devices").flatMap(\.children) where !ours.contains(element.range) {
            if let alias = element.first("alias")?["name"] { aliases[alias] = element.label }
        }
        for spec in devices {
            if let user = aliases.updateValue("another device to add", forKey: spec.alias) {
                throw .nameInUse(spec.name, by: user)
            }
            if let user = users.updateValue("device '\(spec.alias)'", forKey: spec.address) {
                throw .addressInUse(spec.address, by: user)
            }
        }
    }

    // MARK: - A domain with an empty place for devices

    /// Marks a `<devices>` that was `<devices/>`, so that it can be that again.
    private static let wasEmpty = "<!-- buslane: was empty -->"

    /// Gives `<devices/>` an end tag.
    private func opening(_ empty: XMLElement) -> Edit {
        var end = ""
        if let indentation = document.indentation(at: empty.range.lowerBound) {
            end = document.newline(before: empty.range.lowerBound - indentation.utf8.count) + indentation
        }
        let slash = empty.range.upperBound - 2..<empty.range.upperBound
        return Edit(range: slash, replacement: ">\(Self.wasEmpty)\(end)</devices>")
    }

    /// Undoes ``opening(_:)`` once nothing else is left in the element.
    private func closingDevices() throws(DomainXMLError) -> Domain {
        guard let container = document.root.all("devices").last, !container.isSelfClosing else { return self }
        let content = document.bytes[container.startTag.upperBound..<container.endTag.lowerBound]
        let text = String(decoding: content, as: UTF8.self)
        let white: (Character) -> Bool = { $0.isWhitespace }
        guard String(text.drop(while: white).reversed().drop(while: white).reversed()) == Self.wasEmpty else {
            return self
        }
        let tail = container.startTag.upperBound - 1..<container.endTag.upperBound
        return try applying([Edit(range: tail, replacement: "/>")])
    }
}
