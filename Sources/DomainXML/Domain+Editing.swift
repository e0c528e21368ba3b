// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension Domain {
    /// The XML with these devices in it, each with the alias `ua-buslane-NAME`.
    ///
    /// New devices come last in `<devices>`, laid out like their siblings. A device that is there already with the
    /// same content stays as it is, and with nothing to change the result is the document itself. Where only host
    /// address, MAC or VLAN differ, only those are rewritten: the guest's `<address>`, `<boot>`, `<rom>` stay. A
    /// device of the same name but another kind, or with another `managed`, is written anew in its place, and libvirt
    /// gives it a new guest address.
    ///
    /// - Throws: ``DomainXMLError/addressInUse(_:by:)`` when the domain would have a function twice, and
    ///   ``DomainXMLError/nameInUse(_:by:)`` for two devices of one name.
    public func adding(_ devices: [DeviceSpec]) throws(DomainXMLError) -> String {
        try refuseConflicts(devices)
        guard !devices.isEmpty else { return String(decoding: document.bytes, as: UTF8.self) }
        guard let container = document.root.all("devices").last, !container.isSelfClosing else {
            return try Domain(bytes: openingDevices()).adding(devices)
        }
        var edits: [Edit] = []
        var insertion = ""
        let layout = document.layout(endOf: container, childOf: document.root)
        for spec in devices {
            if let present = passthroughs.first(where: { $0.injectedName == spec.name }) {
                edits += document.edits(making: present, match: spec)
            } else {
                insertion += layout.block(spec.markup)
            }
        }
        if !insertion.isEmpty {
            let place = document.insertionPoint(endOf: container)
            edits.append(Edit(range: place..<place, replacement: insertion))
        }
        return String(decoding: document.applying(edits), as: UTF8.self)
    }

    /// The XML without the devices of these names that Buslane added; other names are nothing to remove.
    ///
    /// Removing what ``adding(_:)`` added gives the document back byte for byte.
    ///
    /// - Throws: ``DomainXMLError``, by no document that could be parsed.
    public func removing(names: Set<String>) throws(DomainXMLError) -> String {
        let going = passthroughs.filter { $0.injectedName.map(names.contains) ?? false }
        guard !going.isEmpty else { return String(decoding: document.bytes, as: UTF8.self) }
        let edits = going.map { Edit(range: document.removalRange(of: $0.element), replacement: "") }
        let rest = try Domain(bytes: document.applying(edits))
        return String(decoding: rest.closingDevices(), as: UTF8.self)
    }

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

    // MARK: - A domain without a place for devices

    /// Marks a `<devices>` that was `<devices/>`, so that it can be that again.
    private static let wasEmpty = "<!-- buslane: was empty -->"
    /// Marks a `<devices>` that was not there at all.
    private static let wasMissing = "<!-- buslane: was missing -->"

    /// The document with a `<devices>` that has an end tag.
    private func openingDevices() -> [UInt8] {
        let root = document.root
        guard let empty = root.all("devices").last else {
            let layout = document.layout(endOf: root, childOf: nil)
            let place = document.insertionPoint(endOf: root)
            let text =
                switch layout {
                case .inline: "<devices>\(Self.wasMissing)</devices>"
                case .lines(let indentation, _, let newline):
                    ["<devices>\(Self.wasMissing)", "</devices>"].map { indentation + $0 + newline }.joined()
                }
            return document.applying([Edit(range: place..<place, replacement: text)])
        }
        var end = ""
        if let indentation = document.indentation(at: empty.range.lowerBound) {
            end = document.newline(before: empty.range.lowerBound - indentation.utf8.count) + indentation
        }
        let slash = empty.range.upperBound - 2..<empty.range.upperBound
        return document.applying([Edit(range: slash, replacement: ">\(Self.wasEmpty)\(end)</devices>")])
    }

    /// Undoes ``openingDevices()`` once nothing else is left in the element.
    private func closingDevices() -> [UInt8] {
        guard let container = document.root.all("devices").last, !container.isSelfClosing else { return document.bytes }
        let content = document.bytes[container.startTag.upperBound..<container.endTag.lowerBound]
        let text = String(decoding: content, as: UTF8.self)
        let white: (Character) -> Bool = { $0.isWhitespace }
        switch String(text.drop(while: white).reversed().drop(while: white).reversed()) {
        case Self.wasEmpty:
            let tail = container.startTag.upperBound - 1..<container.endTag.upperBound
            return document.applying([Edit(range: tail, replacement: "/>")])
        case Self.wasMissing:
            return document.applying([Edit(range: document.removalRange(of: container), replacement: "")])
        default:
            return document.bytes
        }
    }
}

extension XMLDocument {
    /// Where new last children of `element` go.
    fileprivate func insertionPoint(endOf element: XMLElement) -> Int {
        lineStart(before: element.endTag.lowerBound) ?? element.endTag.lowerBound
    }

    /// How new last children of `element` are laid out: on lines like their siblings' if its end tag has a line.
    fileprivate func layout(endOf element: XMLElement, childOf parent: XMLElement?) -> Layout {
        guard let start = lineStart(before: element.endTag.lowerBound),
            let own = indentation(at: element.endTag.lowerBound)
        else { return .inline }
        // Below the root one step is what the element itself is indented by.
        let step = own.isEmpty || parent == nil ? "  " : own
        let sibling = element.children.last.flatMap { child in indentation(at: child.range.lowerBound) }
        let deeper = sibling ?? own + step
        let unit = deeper.hasPrefix(own) ? String(deeper.dropFirst(own.count)) : step
        return .lines(
            indentation: deeper, unit: unit.isEmpty ? step : unit, newline: newline(before: start))
    }
}
