// SPDX-License-Identifier: GPL-3.0-or-later
import CLibvirt

/// Calls that start a domain or change its devices and metadata.
extension LibvirtConnection {
    /// Starts a defined domain. Returns after its hooks, when its processors run.
    ///
    /// After ``LibvirtError/connectionLost(reason:)`` the domain may nevertheless have started.
    public func start(_ name: String) async throws(LibvirtError) {
        try await change(name, within: Patience.starting) { unsafe virDomainCreate($0.raw) }
    }

    /// Starts a domain from this XML. If a defined domain that is off has this name and UUID, libvirt starts that
    /// domain and keeps its persistent XML.
    @discardableResult
    public func start(xml: String) async throws(LibvirtError) -> DomainHandleValue {
        try await calling(within: Patience.starting) { connection throws(LibvirtError) in
            let domain = try unsafe DomainReference(
                virDomainCreateXML(connection.raw, xml, VIR_DOMAIN_START_VALIDATE.rawValue), orThrow: Self.failure())
            return try Self.value(of: domain)
        }
    }

    /// Plugs a device into a running domain. The persistent XML does not change.
    ///
    /// One call never changes both states: libvirt can fail at the second state after it has changed the first.
    public func attach(_ deviceXML: String, to name: String) async throws(LibvirtError) {
        try await change(name) {
            unsafe virDomainAttachDeviceFlags($0.raw, deviceXML, VIR_DOMAIN_AFFECT_LIVE.rawValue)
        }
    }

    /// Requests that a running domain releases the device. The device is gone after
    /// ``DomainEvent/Change/deviceRemoved(alias:)``, or when ``liveXML(of:)`` no longer has it. A guest that is paused
    /// or hangs never releases it.
    public func detach(alias: String, from name: String) async throws(LibvirtError) {
        try await change(name) {
            unsafe virDomainDetachDeviceAlias($0.raw, alias, VIR_DOMAIN_AFFECT_LIVE.rawValue)
        }
    }

    /// Writes the element of `namespace` in the persistent XML's metadata; nil removes it.
    ///
    /// - Parameter xml: without a prefix and its declaration. libvirt adds both and refuses XML that already has them.
    public func setMetadata(_ xml: String?, namespace: String, prefix: String, of name: String)
        async throws(LibvirtError)
    {
        let type = Int32(VIR_DOMAIN_METADATA_ELEMENT.rawValue)
        try await change(name) {
            unsafe virDomainSetMetadata($0.raw, type, xml, prefix, namespace, VIR_DOMAIN_AFFECT_CONFIG.rawValue)
        }
    }

    /// - Parameter call: one libvirt call; a negative result is a failure.
    private func change(
        _ name: String, within limit: Duration = Patience.changing,
        _ call: @escaping @Sendable (DomainReference) -> Int32
    ) async throws(LibvirtError) {
        try await withDomain(name, within: limit) { domain throws(LibvirtError) in
            guard call(domain) >= 0 else { throw Self.failure(about: name) }
        }
    }
}
