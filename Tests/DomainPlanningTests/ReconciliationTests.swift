// SPDX-License-Identifier: GPL-3.0-or-later
import DomainPlanning
import DomainSamples
import DomainXML
import HostModel
import Testing

@Suite("What is left to do about changes that were begun")
struct ReconciliationTests {
    private let nic = device("0000:3b:10.2,mac=52:54:00:11:22:33,name=nic0")
    private let gpu = device("0000:af:00.1,name=gpu0")

    private func left(
        _ kind: DeviceChange.Kind, running: [DeviceSpec]?, persistent: [DeviceSpec]?, of devices: [DeviceSpec]
    ) throws -> DomainPicture.Reconciliation {
        let base = try domain(Samples.q35)
        var picture = DomainPicture(
            name: "fw1", uuid: "u", state: running == nil ? .off : .running, live: try running.map(base.adding),
            config: try persistent.map(base.adding), claims: [])
        picture.changes = picture.changes(of: devices.map(\.name), kind)
        return picture.reconciliation
    }

    @Test("an attach is finished where the guest has the device, and forgotten where it has not")
    func attaching() throws {
        #expect(try left(.attaching, running: [nic], persistent: [], of: [nic]).toConfig == ["nic0"])
        for running in [[], nil] as [[DeviceSpec]?] {
            #expect(try left(.attaching, running: running, persistent: [], of: [nic]).ended == ["nic0"])
        }
        #expect(try left(.attaching, running: [nic], persistent: nil, of: [nic]).ended == ["nic0"])
    }

    @Test("a detach is asked for again while the guest has the device, then the persistent XML follows")
    func detaching() throws {
        #expect(try left(.detaching, running: [nic], persistent: [nic], of: [nic]).ask == ["nic0"])
        #expect(try left(.detaching, running: [], persistent: [nic], of: [nic]).fromConfig == ["nic0"])
        #expect(try left(.detaching, running: nil, persistent: [], of: [nic]).ended == ["nic0"])
    }

    @Test("an eviction is of all devices or undone; it ends with the guest")
    func evicting() throws {
        let both = [nic, gpu]
        #expect(try left(.evicting, running: [], persistent: both, of: both).evicted == ["nic0", "gpu0"])
        let half = try left(.evicting, running: [gpu], persistent: both, of: both)
        #expect(half.plugAgain == ["nic0"] && half.ended == ["gpu0"])
        #expect(try left(.evicting, running: nil, persistent: both, of: both).ended == ["nic0", "gpu0"])
        #expect(try left(.evicted, running: [], persistent: both, of: both) == .init())
        #expect(try left(.evicted, running: nil, persistent: both, of: both).ended == ["nic0", "gpu0"])
    }

    @Test("a device that was unplugged, released and is named nowhere is forgotten")
    func forgotten() throws {
        #expect(try left(.evicted, running: [], persistent: [gpu], of: [nic, gpu]).ended == ["nic0"])
        #expect(try left(.evicted, running: [], persistent: nil, of: [nic]).ended == ["nic0"])
    }
}
