// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainXML
import HostModel

/// A domain after an operation, and the devices that the operation was about.
struct EditedDomain: Sendable {
    struct Device: Sendable {
        let name: String
        let address: PCIAddress
    }

    let name: String
    /// nil for an XML that was never defined and has none.
    let uuid: String?
    /// The devices that were added or taken out.
    let devices: [Device]
    /// The persistent XML; of a transient domain the running guest's.
    let text: String
    /// The states that were changed; nil where there is only one.
    let scope: DomainScope?

    init(_ domain: Domain, devices: [Device]) {
        self.init(name: domain.name, uuid: domain.uuid, devices: devices, text: domain.text, scope: nil)
    }

    init(_ picture: DomainPicture, devices: [Device], scope: DomainScope) {
        self.init(
            name: picture.name, uuid: picture.uuid, devices: devices, text: picture.main?.text ?? "", scope: scope)
    }

    private init(name: String, uuid: String?, devices: [Device], text: String, scope: DomainScope?) {
        self.name = name
        self.uuid = uuid
        self.devices = devices
        self.text = text
        self.scope = scope
    }
}

extension EditedDomain.Device {
    init(_ device: DeviceSpec) { self.init(name: device.name, address: device.address) }
    init(_ device: InjectedDevice) { self.init(name: device.name, address: device.address) }
}
