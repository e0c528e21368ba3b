// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

extension DomainPicture {
    /// A domain as it is shown: what it asks for, what it has, and whether it can migrate.
    package struct Report: Sendable {
        package let name: String
        package let uuid: String
        package let state: DomainRunState
        package let isPersistent: Bool
        /// nil when it asks for nothing, and when its request cannot be read.
        package let request: DomainRequest?
        /// Why its request cannot be read.
        package let requestProblem: String?
        /// Its devices, then those that its request names and it has not.
        package let devices: [DeviceReport]
        /// How many more devices the running guest can get; nil when none runs, and where that is unknown.
        package let freeHotplugPorts: Int?
        package let migration: Migration
    }

    package struct DeviceReport: Sendable {
        package enum Presence: String, Sendable {
            case present, absent
            /// Another function has its name.
            case differs
        }

        package let name: String
        /// nil while nothing is claimed for it.
        package var address: PCIAddress?
        package var claim: String?
        package var state: Claim.State?
        package var pool: String?
        package var numaNode: Int?
        package var mac: MACAddress?
        /// `100` or `100 802.1ad`.
        package var vlan: String?
        package var driver: String?
        /// nil for a transient domain.
        package var persistentXML: Presence?
        /// nil when no guest runs.
        package var runningXML: Presence?
        package var change: DeviceChange.Kind?
        /// nil where the function's node is unknown.
        package var alignment: AlignmentReport?

        init(name: String) { self.name = name }
    }

    /// - Parameters:
    ///   - drivers: the driver of each function, as it is bound now.
    ///   - nodes: the host's.
    package func report(drivers: [PCIAddress: String], nodes: [NUMANode]) -> Report {
        var request: DomainRequest?
        var problem: String?
        do {
            request = try main?.request
        } catch {
            problem = "\(error)"
        }
        let pools = Dictionary((request?.devices ?? []).map { ($0.name, $0.pool) }) { first, _ in first }
        let known = deviceNames
        let names = known + (request?.devices ?? []).map(\.name).filter { !known.contains($0) }
        let alignments = alignments(on: nodes)
        let devices = names.map { name in
            var device = device(name, pool: pools[name])
            device.driver = device.address.flatMap { drivers[$0] }
            device.alignment = alignments[name]
            return device
        }
        return Report(
            name: name, uuid: uuid, state: state, isPersistent: config != nil, request: request,
            requestProblem: problem, devices: devices, freeHotplugPorts: live?.freeHotplugPorts,
            migration: migration(drivers))
    }

    private func device(_ name: String, pool: String?) -> DeviceReport {
        var device = DeviceReport(name: name)
        let claim = claim(of: name)
        let assignment = claim?.assignments.first { $0.name == name }
        let present = running(name) ?? persistent(name)
        device.address = assignment?.address ?? present?.address
        device.claim = claim?.id
        device.state = claim?.state
        device.pool = claim?.pool ?? pool
        device.numaNode = assignment?.numaNode
        device.mac = assignment?.settings.mac ?? present?.mac
        switch assignment?.settings.vlan {
        case .tag(let tag)?: device.vlan = tag.description
        default: device.vlan = present?.vlan?.description
        }
        func presence(in document: Domain?, _ there: InjectedDevice?) -> DeviceReport.Presence? {
            guard document != nil else { return nil }
            guard let there else { return .absent }
            return there.address == assignment?.address ? .present : .differs
        }
        device.persistentXML = presence(in: config, persistent(name))
        device.runningXML = presence(in: live, running(name))
        device.change = changes.first { $0.device == name }?.kind
        return device
    }
}
