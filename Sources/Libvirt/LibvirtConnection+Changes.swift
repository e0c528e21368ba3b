// SPDX-License-Identifier: GPL-3.0-or-later
import CLibvirt

/// What changes a domain's life, its devices and its metadata.
extension LibvirtConnection {
    /// Starts a defined domain. Returns when its hooks have run and its processors run.
    ///
    /// After ``LibvirtError/connectionLost(reason:)`` it may have started all the same.
    public func start(_ name: String) async throws(LibvirtError) {
        try await change(name, within: Patience.starting) { unsafe virDomainCreate($0.raw) }
    }

    /// Starts a domain from this XML. With the name and UUID of a defined one that doesn't run, it is that one that
    /// starts, and its persistent XML stays as it is.
    @discardableResult
    public func start(xml: String) async throws(LibvirtError) -> DomainHandleValue {
        try await calling(within: Patience.starting) { connection throws(LibvirtError) in
            let domain = try unsafe DomainReference(
                virDomainCreateXML(connection.raw, xml, VIR_DOMAIN_START_VALIDATE.rawValue), orThrow: Self.failure())
            return try Self.value(of: domain)
        }
    }

    /// Plugs a device into a running domain; its persistent XML stays as it is.
    ///
    /// Running and persistent state are never changed in one call: libvirt can fail at the second with the first done.
    public func attach(_ deviceXML: String, to name: String) async throws(LibvirtError) {
        try await change(name) {
            unsafe virDomainAttachDeviceFlags($0.raw, deviceXML, VIR_DOMAIN_AFFECT_LIVE.rawValue)
        }
    }

    /// Asks a running domain to give the device back. It is gone when ``DomainEvent/Change/deviceRemoved(alias:)`` says
    /// so, or when ``liveXML(of:)`` has it no more: a guest that is paused or hangs never gives it.
    public func detach(alias: String, from name: String) async throws(LibvirtError) {
        try await change(name) {
            unsafe virDomainDetachDeviceAlias($0.raw, alias, VIR_DOMAIN_AFFECT_LIVE.rawValue)
        }
    }

    /// Writes the element of `namespace` in the persistent XML's metadata; nil takes it out.
    ///
    /// - Parameter xml: without the prefix and its declaration: libvirt adds both, and refuses those that are there.
    public func setMetadata(_ xml: String?, namespace: String, prefix: String, of name: String)
        async throws(LibvirtError)
    {
        let type = Int32(VIR_DOMAIN_METADATA_ELEMENT.rawValue)
        try await change(name) {
            unsafe virDomainSetMetadata($0.raw, type, xml, prefix, namespace, VIR_DOMAIN_AFFECT_CONFIG.rawValue)
        }
    }

    /// - Parameter call: one libvirt call; negative is a failure.
    private func change(
        _ name: String, within limit: Duration = Patience.changing,
        _ call: @escaping @Sendable (DomainReference) -> Int32
    ) async throws(LibvirtError) {
        try await withDomain(name, within: limit) { domain throws(LibvirtError) in
            guard call(domain) >= 0 else { throw Self.failure(about: name) }
        }
    }
}
