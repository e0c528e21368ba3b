// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Libvirt

/// The calls of libvirt that domains and their devices need: ``LibvirtConnection``, and in tests a libvirt in memory.
protocol DomainControl: Sendable {
    func domains() async throws -> [DomainHandleValue]
    func domain(named name: String) async throws -> DomainHandleValue
    func domain(uuid: String) async throws -> DomainHandleValue
    func runState(of name: String) async throws -> DomainRunState
    func liveXML(of name: String) async throws -> String
    func inactiveXML(of name: String) async throws -> String
    func define(_ xml: String) async throws -> DomainHandleValue
    func start(_ name: String) async throws
    /// Starts a domain from this XML. The persistent XML stays as it is.
    func start(xml: String) async throws -> DomainHandleValue
    /// Plugs a device into the running guest. The persistent XML stays as it is.
    func attach(_ deviceXML: String, to name: String) async throws
    /// Asks the running guest for a device; see ``LibvirtConnection/detach(alias:from:)``.
    func detach(alias: String, from name: String) async throws
}

extension LibvirtConnection: DomainControl {}
