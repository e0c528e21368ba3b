// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

/// A domain as it is shown: what it asks for, what it has, and whether it can migrate.
package struct DomainOverview: Sendable {
    package let name: String
    package let uuid: String
    package let state: DomainRunState
    package let isPersistent: Bool
    /// nil when it asks for nothing, and when its request cannot be read.
    package let request: DomainRequest?
    /// Why its request cannot be read.
    package let requestProblem: String?
    /// Its devices, then those that its request names and it has not.
    package let devices: [Device]
    /// How many more devices the running guest can get; nil when none runs, and where that is unknown.
    package let freeHotplugPorts: Int?
    package let migration: MigrationOutlook

    package struct Device: Sendable {
        package enum Presence: String, Sendable {
            case present, absent
            /// Another function has its name.
            case differs
        }

        package let name: String
        /// nil while nothing is claimed for it.
        package let address: PCIAddress?
        package let claim: String?
        package let state: Claim.State?
        package let pool: String?
        package let numaNode: Int?
        package let mac: MACAddress?
        /// `100` or `100 802.1ad`.
        package let vlan: String?
        package let driver: String?
        /// nil for a transient domain.
        package let persistentXML: Presence?
        /// nil when no guest runs.
        package let runningXML: Presence?
        package let change: DeviceChange.Kind?
        /// nil where the function's node is unknown.
        package let alignment: AlignmentAdvice?
    }

    /// - Parameters:
    ///   - drivers: the driver of each function, as it is bound now.
    ///   - nodes: the host's.
    package init(of picture: DomainPicture, drivers: [PCIAddress: String], nodes: [NUMANode]) {
        var request: DomainRequest?
        var problem: String?
        do {
            request = try picture.main?.request
        } catch {
            problem = "\(error)"
        }
        let asked = request?.devices ?? []
        let pools = Dictionary(asked.map { ($0.name, $0.pool) }) { first, _ in first }
        let known = picture.deviceNames
        let names = known + asked.map(\.name).filter { !known.contains($0) }
        let alignments = AlignmentAdvice.byDevice(of: picture, on: nodes)
        name = picture.name
        uuid = picture.uuid
        state = picture.state
        isPersistent = picture.config != nil
        self.request = request
        requestProblem = problem
        devices = names.map {
            Device($0, in: picture, pool: pools[$0], drivers: drivers, alignment: alignments[$0])
        }
        freeHotplugPorts = picture.live?.freeHotplugPorts
        migration = MigrationOutlook(of: picture, drivers: drivers)
    }
}

extension DomainOverview.Device {
    /// - Parameters:
    ///   - pool: the one that the domain's request names.
    ///   - drivers: the driver of each function, as it is bound now.
    fileprivate init(
        _ name: String, in picture: DomainPicture, pool: String?, drivers: [PCIAddress: String],
        alignment: AlignmentAdvice?
    ) {
        let claim = picture.claim(of: name)
        let assignment = claim?.assignments.first { $0.name == name }
        let (running, persistent) = (picture.running(name), picture.persistent(name))
        let present = running ?? persistent
        func presence(in document: Domain?, _ there: InjectedDevice?) -> Presence? {
            guard document != nil else { return nil }
            guard let there else { return .absent }
            return there.address == assignment?.address ? .present : .differs
        }
        self.name = name
        address = assignment?.address ?? present?.address
        self.claim = claim?.id
        state = claim?.state
        self.pool = claim?.pool ?? pool
        numaNode = assignment?.numaNode
        mac = assignment?.settings.mac ?? present?.mac
        vlan =
            switch assignment?.settings.vlan {
            case .tag(let tag)?: tag.description
            default: present?.vlan?.description
            }
        driver = address.flatMap { drivers[$0] }
        persistentXML = presence(in: picture.config, persistent)
        runningXML = presence(in: picture.live, running)
        change = picture.changes.first { $0.device == name }?.kind
        self.alignment = alignment
    }
}
