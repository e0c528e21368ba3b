// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

extension Domain {
    /// The MAC address of the virtio interface that stands in for a device. The device must have the same address, so that
    /// the guest treats the two as one.
    ///
    /// - Parameters:
    ///   - alias: the interface's, `ua-…`.
    ///   - device: the device's name, for the message.
    ///   - wanted: the requested address; nil for any.
    /// - Throws: ``DomainXMLError/standby(alias:device:_:)``.
    public func standbyMAC(
        _ alias: String, for device: String, wanted: MACAddress? = nil
    ) throws(DomainXMLError) -> MACAddress {
        func refusal(_ reason: DomainXMLError.Standby) -> DomainXMLError {
            .standby(alias: alias, device: device, reason)
        }
        let found = document.root.all("devices").flatMap(\.children).first { $0.first("alias")?["name"] == alias }
        guard let element = found else { throw refusal(.absent) }
        let model = element.first("model")?["type"] ?? ""
        guard element.namespace == nil, element.name == "interface", element["type"] != "hostdev",
            model == "virtio" || model.hasPrefix("virtio-")
        else { throw refusal(.notVirtio("<\(element.name)> at line \(element.line)")) }
        guard element.first("teaming")?["type"] == "persistent" else {
            throw refusal(.notPersistent("<interface> at line \(element.line)"))
        }
        guard let text = element.first("mac")?["address"], let mac = try? MACAddress(text) else {
            throw refusal(.withoutMAC("<interface> at line \(element.line)"))
        }
        if let wanted, wanted != mac {
            throw refusal(.otherMAC("<interface> at line \(element.line)", mac, wanted: wanted))
        }
        return mac
    }

    /// The device with its standby's MAC address, where it has a standby.
    func withStandby(_ spec: DeviceSpec) throws(DomainXMLError) -> DeviceSpec {
        guard let alias = spec.failover else { return spec }
        return spec.with(mac: try standbyMAC(alias, for: spec.name, wanted: spec.mac))
    }
}
