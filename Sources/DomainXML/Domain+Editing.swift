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
        let addition = try DeviceAddition(of: devices, to: self)
        let container = try DevicesElement(of: document)
        guard !container.isSelfClosing else { return try applying([container.opening]).adding(devices) }
        return try applying(addition.edits(in: container))
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
        let rest = try applying(going.map { Edit(range: document.removalRange(of: $0.element), replacement: "") })
            .withoutIdlePorts(prefix: GuestBuses.portPrefix)
        return try rest.applying([DevicesElement(of: rest.document).closing].compactMap(\.self))
    }
}
