// SPDX-License-Identifier: GPL-3.0-or-later
import Libvirt

/// What changes of a running domain's devices need of libvirt: ``LibvirtConnection``, and in tests a libvirt in memory.
protocol DomainControl: Sendable {
    func domain(named name: String) async throws -> DomainHandleValue
    func runState(of name: String) async throws -> DomainRunState
    func liveXML(of name: String) async throws -> String
    func inactiveXML(of name: String) async throws -> String
    func define(_ xml: String) async throws -> DomainHandleValue
    /// Into the running guest alone.
    func attach(_ deviceXML: String, to name: String) async throws
    /// Asks the running guest for it; see ``LibvirtConnection/detach(alias:from:)``.
    func detach(alias: String, from name: String) async throws
}

extension LibvirtConnection: DomainControl {}
