// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Synchronization

/// What libvirt told of domains last: functions that their XMLs name and Buslane did not put there, and which of them run.
///
/// Whoever decides on the hook's behalf reads it: nothing here waits.
final class SeenDomains: Sendable {
    private let domains = Mutex<[String: (name: String, addresses: [PCIAddress], isRunning: Bool)]>([:])

    /// The domains that run, by their UUIDs.
    var running: Set<String> { domains.withLock { Set($0.filter(\.value.isRunning).keys) } }

    /// By function that Buslane put into no XML, the domain whose XML names it.
    var users: [PCIAddress: Holdings.DomainReference] {
        domains.withLock { domains in
            var users: [PCIAddress: Holdings.DomainReference] = [:]
            for (uuid, domain) in domains.sorted(by: { $0.key < $1.key }) {
                for address in domain.addresses where users[address] == nil {
                    users[address] = Holdings.DomainReference(uuid: uuid, name: domain.name)
                }
            }
            return users
        }
    }

    func set(_ addresses: [PCIAddress], of name: String, uuid: String, isRunning: Bool) {
        domains.withLock { $0[uuid] = addresses.isEmpty && !isRunning ? nil : (name, addresses, isRunning) }
    }

    func forget(_ uuid: String) { domains.withLock { $0[uuid] = nil } }

    /// libvirt knows no others.
    func keep(only uuids: Set<String>) { domains.withLock { $0 = $0.filter { uuids.contains($0.key) } } }
}
