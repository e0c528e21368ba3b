// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import Testing

@testable import buslane

@Suite("A domain, as a person reads of it")
struct DomainReportTests {
    private var report: DomainReport {
        var data0 = DomainReport.Device(name: "data0")
        data0.address = try? PCIAddress("0000:3b:10.2" as String)
        data0.claim = "c17"
        data0.state = "inUse"
        data0.pool = "dataplane"
        data0.numaNode = 1
        data0.mac = try? MACAddress("52:54:00:11:22:33" as String)
        data0.vlan = "100"
        data0.persistentXML = "present"
        data0.runningXML = "absent"
        var data1 = DomainReport.Device(name: "data1")
        data1.pool = "dataplane"
        data1.persistentXML = "absent"
        data1.runningXML = "absent"
        return DomainReport(
            name: "fw1", uuid: "4dea22b3-1d52-d8f3-2516-782e98ab3fa0", state: "running", persistent: true,
            request: .init(
                binding: "defined", numa: .required(node: nil),
                devices: [.init(name: "data0", pool: "dataplane"), .init(name: "data1", pool: "dataplane")]),
            requestProblem: nil, devices: [data0, data1], freeHotplugPorts: 2,
            migration: .init(
                possible: "no", reasons: ["data0 (0000:3b:10.2) is passed through: its state is in the card"],
                remedy: "buslane domain evict fw1, migrate, then buslane domain readmit fw1 there"),
            lastRefusal: .init(at: 1_700_000_000, message: "pool 'dataplane' has 0 of 4 functions free", remedy: nil))
    }

    @Test("on a terminal of 100 columns")
    func wide() {
        #expect(
            report.text(.plain) == """
                fw1  running  4dea22b3-1d52-d8f3-2516-782e98ab3fa0
                requests data0 from dataplane, data1 from dataplane, while it is defined, NUMA required

                DEVICE  FUNCTION      CLAIM  STATE   POOL       NODE  MAC                VLAN  PERSISTENT  RUNNING
                data0   0000:3b:10.2  c17    in use  dataplane  1     52:54:00:11:22:33  100   yes         no
                data1   -             -      -       dataplane  -     -                  -     no          no

                free hot-plug ports: 2
                can migrate: no
                  data0 (0000:3b:10.2) is passed through: its state is in the card
                  fix: buslane domain evict fw1, migrate, then buslane domain readmit fw1 there
                last refusal, 2023-11-14T22:13:20Z: pool 'dataplane' has 0 of 4 functions free
                """ + "\n")
    }

    @Test("whether the guest is near its devices, what does not fit, and what to do: each line once")
    func near() {
        var report = report
        let problem = "the domain's memory is bound to node 0, device 'data0' is on node 1"
        report.devices[0].alignment = .init(
            vcpus: "fits", memory: "differs", guestNode: nil, problems: [problem], remedy: "virsh edit fw1")
        report.devices[1].alignment = .init(
            vcpus: "open", memory: "fits", guestNode: nil, problems: [], remedy: "virsh edit fw1")
        #expect(report.text(.plain).contains("\nnear its devices: no\n  \(problem)\n  fix: virsh edit fw1\nfree hot"))
        report.devices[0].alignment = nil
        #expect(report.text(.plain).contains("near its devices: not surely\n"))
    }

    @Test("what is refused again and again says since when")
    func stillRefused() {
        var report = report
        report.lastRefusal = .init(at: 1_700_000_000, message: "no", remedy: nil, tries: 3)
        #expect(report.text(.plain).hasSuffix("\nstill refused since 2023-11-14T22:13:20Z: no\n"))
    }

    @Test("no line is wider than the terminal, and none is broken within a word")
    func narrow() {
        for width in [40, 60, 72] {
            let lines = report.text(Style(width: width)).split(separator: "\n").map(String.init)
            #expect(lines.dropFirst().allSatisfy { $0.columns <= width }, "\(width)")
            #expect(lines.contains { $0.hasPrefix("    ") }, "\(width)")
        }
    }
}
