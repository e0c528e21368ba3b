// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import DomainPlanning
import HostModel

extension DomainReport {
    init(_ overview: DomainOverview, lastTrouble: DomainTroubles.Episode?) {
        self.init(
            name: overview.name, uuid: overview.uuid, state: overview.state.rawValue, persistent: overview.isPersistent,
            request: overview.request.map { asked in
                Request(
                    binding: asked.binding.rawValue, numa: asked.numa,
                    devices: asked.devices.map { .init(name: $0.name, pool: $0.pool) })
            },
            requestProblem: overview.requestProblem, devices: overview.devices.map(Device.init),
            freeHotplugPorts: overview.freeHotplugPorts,
            migration: Migration(
                possible: overview.migration.possible.rawValue, reasons: overview.migration.reasons,
                remedy: overview.migration.remedy),
            lastRefusal: lastTrouble.map {
                Refusal(at: $0.since, message: $0.trouble.message, remedy: $0.trouble.remedy, tries: $0.tries)
            })
    }
}

extension DomainReport.Device {
    fileprivate init(_ device: DomainOverview.Device) {
        self.init(name: device.name)
        address = device.address
        claim = device.claim
        state = device.state?.rawValue
        pool = device.pool
        numaNode = device.numaNode
        mac = device.mac
        vlan = device.vlan
        driver = device.driver
        persistentXML = device.persistentXML?.rawValue
        runningXML = device.runningXML?.rawValue
        change = device.change?.rawValue
        alignment = device.alignment.map {
            DomainReport.Alignment(
                vcpus: $0.fit.vcpus?.rawValue, memory: $0.fit.memory.rawValue, guestNode: $0.fit.guestNode?.rawValue,
                problems: $0.problems, remedy: $0.remedy)
        }
    }
}
