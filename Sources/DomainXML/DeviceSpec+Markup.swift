// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension DeviceSpec {
    /// The device alone, as ``Domain/adding(_:)`` writes it: what libvirt attaches to a running domain.
    public var xml: String { Layout.lines(indentation: "", unit: "  ", newline: "\n").block(markup) }

    /// The device as libvirt's schema wants it.
    ///
    /// `managed='no'`, always: Buslane binds the function itself, and libvirt's two modes must not be mixed. No
    /// `<driver name='vfio'/>`: it is the only choice, and libvirt 11.3 hides an error when it is given.
    var markup: Markup {
        var children: [Markup] = []
        if kind == .interface, let mac { children.append(Self.macMarkup(mac)) }
        children.append(Markup(name: "source", children: [sourceAddressMarkup]))
        if kind == .interface, let vlan { children.append(Self.vlanMarkup(vlan)) }
        children.append(Markup(name: "alias", attributes: [("name", alias)]))
        return switch kind {
        case .interface:
            Markup(name: "interface", attributes: [("type", "hostdev"), ("managed", "no")], children: children)
        case .hostdev:
            Markup(
                name: "hostdev", attributes: [("mode", "subsystem"), ("type", "pci"), ("managed", "no")],
                children: children)
        }
    }

    /// The schema asks for `type` in an interface and refuses it in a hostdev.
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

extension XMLDocument {
    /// The edits after which the device that is there is the one that is wanted; none when it is.
    func edits(making present: Passthrough, match spec: DeviceSpec) -> [Edit] {
        let element = present.element
        // libvirt doesn't print managed='no' for an interface: absent is the same.
        guard present.kind == spec.kind, (element["managed"] ?? "no") == "no" else {
            return [replacement(of: element, by: spec.markup)]
        }
        var edits: [Edit] = []
        if present.address != spec.address, let address = present.source.first("address") {
            edits.append(Edit(range: address.range, replacement: spec.sourceAddressMarkup.inline))
        }
        guard spec.kind == .interface else { return edits }

        var additions: [Markup] = []
        if let mac = spec.mac, mac != present.mac {
            if let old = element.first("mac") {
                edits.append(replacement(of: old, by: DeviceSpec.macMarkup(mac)))
            } else {
                additions.append(DeviceSpec.macMarkup(mac))
            }
        }
        switch (element.first("vlan"), spec.vlan) {
        case (nil, nil): break
        case (nil, let vlan?): additions.append(DeviceSpec.vlanMarkup(vlan))
        case (let old?, nil): edits.append(Edit(range: removalRange(of: old), replacement: ""))
        case (let old?, let vlan?) where present.vlan != vlan:
            edits.append(replacement(of: old, by: DeviceSpec.vlanMarkup(vlan)))
        default: break
        }
        // Every device that Buslane added has an alias: what it lacks comes before that.
        if !additions.isEmpty, let alias = element.first("alias") {
            let layout = layout(of: alias)
            let place = lineStart(before: alias.range.lowerBound) ?? alias.range.lowerBound
            edits.append(
                Edit(range: place..<place, replacement: additions.map(layout.block).joined()))
        }
        return edits
    }

    private func replacement(of element: XMLElement, by markup: Markup) -> Edit {
        Edit(range: element.range, replacement: layout(of: element).replacement(markup))
    }

    /// The layout that continues the one of an element that is there.
    private func layout(of element: XMLElement) -> Layout {
        guard let indentation = indentation(at: element.range.lowerBound) else { return .inline }
        let start = element.range.lowerBound - indentation.utf8.count
        return .lines(indentation: indentation, unit: "  ", newline: newline(before: start))
    }
}
