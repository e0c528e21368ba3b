// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// The virtio interface of a domain that stands in for a device while the device is unplugged.
public struct StandbyInterface: Hashable, Sendable {
    /// The device must have the same address, so that the guest treats the two as one.
    public let mac: MACAddress

    /// - Parameters:
    ///   - alias: the interface's, `ua-…`.
    ///   - device: the device's name, for the message.
    ///   - wanted: the requested address; nil for any.
    /// - Throws: ``DomainXMLError/standby(alias:device:_:)``.
    public init(
        _ alias: String, for device: String, in domain: Domain, wanted: MACAddress? = nil
    ) throws(DomainXMLError) {
        func refusal(_ reason: DomainXMLError.Standby) -> DomainXMLError {
            .standby(alias: alias, device: device, reason)
        }
        let devices = domain.document.root.all("devices").flatMap(\.children)
        guard let element = devices.first(where: { $0.first("alias")?["name"] == alias }) else {
            throw refusal(.absent)
        }
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
        self.mac = mac
    }
}

extension DeviceSpec {
    /// The device with its standby's MAC address, where it has a standby.
    func withStandby(in domain: Domain) throws(DomainXMLError) -> DeviceSpec {
        guard let failover else { return self }
        return with(mac: try StandbyInterface(failover, for: name, in: domain, wanted: mac).mac)
    }
}
