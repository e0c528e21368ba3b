// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Libvirt
import Synchronization

/// The last known state of libvirt's domains: whether they run, and the functions in their XMLs that Buslane did not add.
///
/// Never waits, so that decisions for the hook can read it.
final class SeenDomains: Sendable {
    private let domains = Mutex<[String: (name: String, addresses: [PCIAddress], isRunning: Bool)]>([:])
    private let wasListed = Mutex(false)
    /// Domains that the hook let start, by UUID. libvirt says nothing of them before QEMU runs.
    private let starting = Mutex<[String: (name: String, addresses: [PCIAddress], since: ContinuousClock.Instant)]>([:])

    /// The UUIDs of the domains that run; nil before libvirt has listed all.
    var running: Set<String>? {
        wasListed.withLock(\.self) ? domains.withLock { Set($0.filter(\.value.isRunning).keys) } : nil
    }

    /// The domain of each function that Buslane did not add to the XML.
    var users: [PCIAddress: Holdings.DomainReference] {
        domains.withLock { domains in
            var users: [PCIAddress: Holdings.DomainReference] = [:]
            for (uuid, domain) in starting.withLock(\.self)
            where domain.since.duration(to: .now) < .seconds(Claim.Use.startTime) {
                let reference = Holdings.DomainReference(uuid: uuid, name: domain.name, isRunning: true)
                for address in domain.addresses { users[address] = reference }
            }
            // A domain that runs has the function; others only name it.
            let naming = domains.filter { !$0.value.addresses.isEmpty }
            let (running, off) = (naming.filter(\.value.isRunning), naming.filter { !$0.value.isRunning })
            for (uuid, domain) in [running, off].flatMap({ $0.sorted { $0.key < $1.key } }) {
                for address in domain.addresses where users[address] == nil {
                    users[address] = Holdings.DomainReference(
                        uuid: uuid, name: domain.name, isRunning: domain.isRunning)
                }
            }
            return users
        }
    }

    func set(_ addresses: [PCIAddress], of name: String, uuid: String, isRunning: Bool) {
        domains.withLock { $0[uuid] = addresses.isEmpty && !isRunning ? nil : (name, addresses, isRunning) }
    }

    /// Notes the functions of a domain that is about to start, until QEMU has opened them.
    func beginStart(of name: String, uuid: String, _ addresses: [PCIAddress]) {
        starting.withLock { $0[uuid] = addresses.isEmpty ? nil : (name, addresses, ContinuousClock.now) }
    }

    /// The domain has stopped, or does not start.
    func endStart(of uuid: String) { starting.withLock { $0[uuid] = nil } }

    func forget(_ uuid: String) { domains.withLock { $0[uuid] = nil } }

    /// Forgets every domain that is not in this list.
    func list(_ all: [DomainHandleValue]) {
        domains.withLock { domains in
            let known = domains
            domains = [:]
            for domain in all {
                let addresses = known[domain.uuid]?.addresses ?? []
                if addresses.isEmpty, !domain.isActive { continue }
                domains[domain.uuid] = (domain.name, addresses, domain.isActive)
            }
        }
        wasListed.withLock { $0 = true }
    }
}
