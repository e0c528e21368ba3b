// SPDX-License-Identifier: GPL-3.0-or-later

extension ClaimRequest {
    /// What the PF shall enforce for a function that the claim gets.
    ///
    /// The caller's word comes first, then the pool's defaults, then the MAC address and VLAN that the VF has: libvirt
    /// sets both when a guest starts, and would take away what it is not told of. A VF with no MAC address gets its
    /// stable one.
    ///
    /// - Parameters:
    ///   - function: as it was before anybody had it.
    ///   - host: whose VF it is; without a machine id there is no stable address.
    public func settings(for function: Function, on host: HostIdentity) -> VFSettings {
        guard function.takesVFSettings, let virtual = function.virtualFunction else { return settings }
        var chosen = settings.filled(from: pool.defaults)
        // A PF that tells nothing of its VFs can be told nothing either.
        guard let present = function.vfSettings else { return chosen }
        if chosen.vlan == nil, case .tag(let tag)? = present.vlan { chosen.vlan = .tag(tag) }
        if chosen.mac == nil, let mac = present.mac {
            chosen.mac = mac.isZero ? host.machineID.flatMap { .stable(for: virtual, machineID: $0) } : mac
        }
        return chosen
    }
}

extension Assignment {
    /// The same, for a card that takes no MAC address away again: its VF is left with its stable one in place of none.
    ///
    /// nil when that would be no different.
    public func leavingStableMAC(on host: HostIdentity) -> Assignment? {
        guard settings.mac != nil, original.settings?.mac?.isZero == true, let virtualFunction,
            let mac = host.machineID.flatMap({ MACAddress.stable(for: virtualFunction, machineID: $0) })
        else { return nil }
        var left = original
        left.settings?.mac = mac
        return Assignment(
            name: name, address: address, virtualFunction: virtualFunction, iommuGroup: iommuGroup, numaNode: numaNode,
            isNetwork: isNetwork, settings: settings, original: left, companionOf: companionOf)
    }
}
