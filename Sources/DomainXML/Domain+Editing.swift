// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension Domain {
    /// The XML with these devices in it, each with the alias `ua-buslane-NAME`.
    ///
    /// New devices come last in `<devices>`, laid out like their siblings. A device that is there already with the
    /// same content stays as it is, and with nothing to change the result is the document itself. Where only host
    /// address, MAC, VLAN or teaming differ, only those are rewritten: the guest's `<address>`, `<boot>`, `<rom>` stay.
    /// A device of the same name but another kind is written anew in its place, and keeps these.
    ///
    /// libvirt finds each device its place in the guest, but for companions, which share a slot, and for devices that
    /// are aligned to a node which the guest sees (``aligned(to:on:)``). On a machine with PCI Express these get a root
    /// port: one that is there and free, else one more, with the alias `ua-lane-port-NAME` and the next index.
    ///
    /// - Throws: ``DomainXMLError/addressInUse(_:by:)`` when the domain would have a function twice,
    ///   ``DomainXMLError/nameInUse(_:by:)`` for two devices of one name, ``DomainXMLError/noDevices(line:)`` for a
    ///   domain without `<devices>`, which no libvirt prints, and what companions and standbys can be refused with.
    public func adding(_ devices: [DeviceSpec]) throws(DomainXMLError) -> String {
        guard !devices.isEmpty else { return text }
        var specs: [DeviceSpec] = []
        for device in devices { specs.append(try withStandby(device)) }
        try refuseConflicts(specs)
        guard let container = document.root.all("devices").last else { throw .noDevices(line: document.root.line) }
        guard !container.isSelfClosing else {
            return try Domain(bytes: opening(container)).adding(devices)
        }
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
        return String(decoding: document.applying(edits), as: UTF8.self)
    }

    /// The XML without the devices of these names that Buslane added, and without the ports that it added for them;
    /// other names are nothing to remove.
    ///
    /// Removing what ``adding(_:)`` added gives the document back byte for byte. A port with something else behind it,
    /// or with a higher index than another one's that stays, stays too and is taken again by the next device: a gap in
    /// the indexes would be filled by libvirt.
    ///
    /// - Throws: ``DomainXMLError``, by no document that could be parsed.
    public func removing(names: Set<String>) throws(DomainXMLError) -> String {
        let going = passthroughs.filter { $0.injectedName.map(names.contains) ?? false }
        guard !going.isEmpty else { return text }
        let edits = going.map { Edit(range: document.removalRange(of: $0.element), replacement: "") }
        let rest = try Domain(bytes: document.applying(edits)).withoutIdlePorts(prefix: GuestBuses.portPrefix)
        return String(decoding: rest.closingDevices(), as: UTF8.self)
    }

    /// The document as it is.
    public var text: String { String(decoding: document.bytes, as: UTF8.self) }

    func passthrough(named name: String) -> Passthrough? { passthroughs.first { $0.injectedName == name } }

    /// Looks at the domain as it would be: two devices may well swap their functions.
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

    /// The document with an end tag for its `<devices/>`.
    private func opening(_ empty: XMLElement) -> [UInt8] {
        var end = ""
        if let indentation = document.indentation(at: empty.range.lowerBound) {
            end = document.newline(before: empty.range.lowerBound - indentation.utf8.count) + indentation
        }
        let slash = empty.range.upperBound - 2..<empty.range.upperBound
        return document.applying([Edit(range: slash, replacement: ">\(Self.wasEmpty)\(end)</devices>")])
    }

    /// Undoes ``opening(_:)`` once nothing else is left in the element.
    func closingDevices() -> [UInt8] {
        guard let container = document.root.all("devices").last, !container.isSelfClosing else { return document.bytes }
        let content = document.bytes[container.startTag.upperBound..<container.endTag.lowerBound]
        let text = String(decoding: content, as: UTF8.self)
        let white: (Character) -> Bool = { $0.isWhitespace }
        guard String(text.drop(while: white).reversed().drop(while: white).reversed()) == Self.wasEmpty else {
            return document.bytes
        }
        let tail = container.startTag.upperBound - 1..<container.endTag.upperBound
        return document.applying([Edit(range: tail, replacement: "/>")])
    }
}
