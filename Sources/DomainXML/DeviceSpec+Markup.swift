// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension DeviceSpec {
    /// The device by libvirt's schema, at a place in the guest; without a place, libvirt chooses one.
    ///
    /// Always `managed='no'`: Buslane binds the function itself, and libvirt's two modes must not be mixed. No
    /// `<driver name='vfio'/>`: it is the only choice, and with it libvirt 11.3 hides an error.
    ///
    /// - Parameter kept: the user's elements of the device that it replaces.
    func markup(at place: GuestPlace?, keeping kept: [Markup] = []) -> Markup {
        var children: [Markup] = []
        if kind == .interface, let mac { children.append(Self.macMarkup(mac)) }
        children.append(Markup(name: "source", children: [sourceAddressMarkup]))
        if kind == .interface, let vlan { children.append(Self.vlanMarkup(vlan)) }
        if let failover { children.append(Self.teamingMarkup(failover)) }
        children += kept
        children.append(Markup(name: "alias", attributes: [("name", alias)]))
        if let place { children.append(place.address.markup(multifunction: place.isMultifunction)) }
        var markup = element
        markup.children = children
        return markup
    }

    /// The element without its content.
    private var element: Markup {
        switch kind {
        case .interface: Markup(name: "interface", attributes: [("type", "hostdev"), ("managed", "no")])
        case .hostdev:
            Markup(name: "hostdev", attributes: [("mode", "subsystem"), ("type", "pci"), ("managed", "no")])
        }
    }

    fileprivate var startTag: String { "<\(element.opening)>" }

    /// The schema requires `type` in an interface and refuses it in a hostdev.
    fileprivate var sourceAddressMarkup: Markup {
        let type = kind == .interface ? [("type", "pci")] : []
        return Markup(name: "address", attributes: type + address.sourceAttributes)
    }

    fileprivate static func macMarkup(_ mac: MACAddress) -> Markup {
        Markup(name: "mac", attributes: [("address", mac.description)])
    }

    fileprivate static func vlanMarkup(_ vlan: VLANID) -> Markup {
        Markup(name: "vlan", children: [Markup(name: "tag", attributes: [("id", vlan.description)])])
    }
}

extension DeviceSpec {
    /// The half of a pair that is unplugged when the guest migrates.
    fileprivate static func teamingMarkup(_ alias: String) -> Markup {
        Markup(name: "teaming", attributes: [("type", "transient"), ("persistent", alias)])
    }
}

/// The place of a device in the guest.
struct GuestPlace {
    var address: GuestAddress
    /// Whether other functions share its slot: function 0 has to say so.
    var isMultifunction = false
}

extension XMLDocument {
    /// The edits that turn a present device into the wanted one; none when it is that already.
    ///
    /// - Parameter place: only for a device without a guest address; an address that is there stays.
    func edits(making present: Passthrough, match spec: DeviceSpec, at place: GuestPlace?) -> [Edit] {
        let element = present.element
        guard present.kind == spec.kind else {
            let names: Set<String> = place == nil ? ["boot", "rom", "acpi", "address"] : ["boot", "rom", "acpi"]
            let kept = element.children.filter { $0.namespace == nil && names.contains($0.name) }.map(verbatim)
            return [replacement(of: element, by: spec.markup(at: place, keeping: kept))]
        }
        var edits: [Edit] = []
        // libvirt doesn't print managed='no' for an interface: absent is the same.
        if (element["managed"] ?? "no") != "no" {
            edits.append(Edit(range: element.startTag, replacement: spec.startTag))
        }
        var additions: [Markup] = []
        if present.address != spec.address, let address = present.source.first("address") {
            edits.append(Edit(range: address.range, replacement: spec.sourceAddressMarkup.inline))
        }
        func replace(_ name: String, _ wanted: Markup?, isAsWanted: Bool) {
            switch (element.first(name), wanted) {
            case (nil, nil): break
            case (nil, let markup?): additions.append(markup)
            case (let old?, nil): edits.append(Edit(range: removalRange(of: old), replacement: ""))
            case (let old?, let markup?): if !isAsWanted { edits.append(replacement(of: old, by: markup)) }
            }
        }
        if spec.kind == .interface {
            if let mac = spec.mac { replace("mac", DeviceSpec.macMarkup(mac), isAsWanted: mac == present.mac) }
            replace("vlan", spec.vlan.map(DeviceSpec.vlanMarkup), isAsWanted: present.vlan == spec.vlan)
        }
        replace("teaming", spec.failover.map(DeviceSpec.teamingMarkup), isAsWanted: present.failover == spec.failover)
        if let place {
            if let address = element.first("address") {
                edits += makingMultifunction(address, place)
            } else {
                additions.append(place.address.markup(multifunction: place.isMultifunction))
            }
        }
        // Every device that Buslane added has an alias: missing elements come before it.
        if !additions.isEmpty, let alias = element.first("alias") {
            let layout = layout(of: alias)
            let start = lineStart(before: alias.range.lowerBound) ?? alias.range.lowerBound
            edits.append(
                Edit(range: start..<start, replacement: additions.map(layout.block).joined()))
        }
        return edits
    }

    /// The edits that give an unchanged device its place, or let other functions share the place it has.
    func edits(placing present: Passthrough, at place: GuestPlace) -> [Edit] {
        let element = present.element
        if let address = element.first("address") { return makingMultifunction(address, place) }
        guard let alias = element.first("alias") else { return [] }
        let start = lineStart(before: alias.range.lowerBound) ?? alias.range.lowerBound
        let markup = place.address.markup(multifunction: place.isMultifunction)
        return [Edit(range: start..<start, replacement: layout(of: alias).block(markup))]
    }

    /// Function 0 of a shared slot gets `multifunction`; the rest of its address stays.
    private func makingMultifunction(_ address: XMLElement, _ place: GuestPlace) -> [Edit] {
        guard place.isMultifunction, address["multifunction"] != "on" else { return [] }
        if address["multifunction"] != nil {
            return [Edit(range: address.range, replacement: place.address.markup(multifunction: true).inline)]
        }
        let end = address.startTag.lowerBound + "<address".utf8.count
        return [Edit(range: end..<end, replacement: " multifunction='on'")]
    }

    private func verbatim(_ element: XMLElement) -> Markup {
        Markup(verbatim: String(decoding: bytes[element.range], as: UTF8.self))
    }

    private func replacement(of element: XMLElement, by markup: Markup) -> Edit {
        Edit(range: element.range, replacement: layout(of: element).replacement(markup))
    }
}
