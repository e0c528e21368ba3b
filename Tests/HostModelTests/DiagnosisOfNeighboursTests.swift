// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("A diagnosis: groups, cards, services and rivals")
struct DiagnosisOfNeighboursTests {
    @Test("a group of several cards is not viable while one of them has a host driver; the finding names it")
    func sharedGroup() throws {
        var patient = Patient()
        patient.functions += [
            Patient.function("0000:02:01.0", group: 9, driver: "e1000", class: 0x020000),
            Patient.function("0000:03:02.0", group: 9, driver: "vfio-pci", class: 0x020000),
            Patient.function("0000:00:1e.0", group: 9, driver: "pcieport", class: 0x060400),
        ]
        patient.groups[9] = ["0000:00:1e.0", "0000:02:01.0", "0000:03:02.0"]
        let finding = try #require(patient.finding("group-not-viable"))
        #expect(finding.severity == .warning)
        #expect(finding.subject == "group 9")
        #expect(finding.what == "group 9 is not viable: 0000:02:01.0 is bound to host driver e1000")
        #expect(finding.remedy?.contains("virsh nodedev-detach pci_0000_02_01_0") == true)
        #expect(patient.diagnosis.passthroughWorks)

        patient.functions[1].driver = nil
        #expect(patient.finding("group-not-viable") == nil)
        #expect(patient.finding("group-shared")?.severity == .advice)
    }

    @Test("skips groups without a function that a guest could use")
    func dullGroup() {
        var patient = Patient()
        patient.functions += [
            Patient.function("0000:00:1f.0", group: 9, driver: "lpc_ich", class: 0x060100),
            Patient.function("0000:00:1f.3", group: 9, driver: "snd_hda_intel", class: 0x040300),
            Patient.function("0000:00:1f.4", group: 9, driver: "i801_smbus", class: 0x0c0500),
        ]
        patient.groups[9] = patient.functions.dropFirst().map(\.address)
        #expect(patient.diagnosis.findings.allSatisfy { $0.severity == .ok })
    }

    @Test("a graphics card and its sound in one group: advice, not a warning")
    func oneCard() {
        var patient = Patient()
        patient.functions += [
            Patient.function("0000:01:00.0", group: 9, driver: "nouveau", class: 0x030000),
            Patient.function("0000:01:00.1", group: 9, driver: "snd_hda_intel", class: 0x040300),
        ]
        patient.groups[9] = ["0000:01:00.0", "0000:01:00.1"]
        #expect(patient.finding("group-is-one-card")?.severity == .advice)
    }

    @Test("a PF in one group with its VFs lacks ACS; 64 VFs make one finding")
    func noACS() throws {
        var patient = Patient()
        patient.functions += try (0..<64).map { index in
            let address = try #require(
                PCIAddress(domain: 0, bus: 0x3b, device: UInt8(16 + index / 8), function: UInt8(index % 8)))
            return Function(
                address: address, identity: Identity(vendor: 0x8086, device: 0x154c, classCode: 0x020000),
                iommuGroup: 5, role: .virtualFunction(.init(physicalFunction: "0000:3b:00.0", index: index)))
        }
        patient.groups[5] = patient.functions.map(\.address)
        let findings = patient.diagnosis.findings(.warning)
        #expect(findings.map(\.code) == ["group-holds-pf-and-vfs"])
        #expect(findings[0].what.hasSuffix("and 62 more"))
    }

    @Test("reports functions that no IOMMU unit covers")
    func outsider() {
        var patient = Patient()
        patient.functions.append(Patient.function("10000:e0:06.0", group: nil, driver: "nvme", class: 0x010802))
        #expect(patient.finding("function-without-group")?.subject == "10000:e0:06.0")
    }

    @Test("a PF that is down: a warning if it has VFs, else advice", arguments: [0, 2])
    func down(vfs: Int) {
        var patient = Patient()
        patient.functions = [Patient.pf("0000:3b:00.0", group: 5, vfs: vfs, up: false)]
        let finding = patient.finding("pf-down")
        #expect(finding?.severity == (vfs > 0 ? .warning : .advice))
        #expect(finding?.remedy?.hasPrefix("ip link set ens1f0 up") == true)
    }

    @Test("a function whose firmware offers no VFs")
    func noVFs() {
        var patient = Patient()
        patient.platform.functionsOfferingNoVFs = ["0000:3b:00.0"]
        #expect(patient.finding("pf-without-vfs")?.remedy?.contains("firmware setup") == true)
        patient.functions[0].identity.vendor = 0x15b3
        #expect(patient.finding("pf-without-vfs")?.remedy?.hasPrefix("mlxconfig -d 0000:3b:00.0") == true)
    }

    @Test("a PF for whose VFs the firmware has no room", arguments: [false, true, nil])
    func noVFMemory(memory: Bool?) throws {
        var patient = Patient()
        var card = Patient.pf("0000:3b:00.0", group: 5, vfs: 0, up: true)
        var sriov = try #require(card.sriov)
        sriov.hasVFMemory = memory
        card.role = .physicalFunction(sriov)
        patient.functions = [card]
        #expect((patient.finding("no-vf-memory")?.severity == .warning) == (memory == false))
        #expect(patient.finding("no-vf-memory")?.remedy?.contains("pci=realloc") != false)
    }

    @Test("a daemon that does not run is a blocker only if the hook would refuse because of it")
    func daemon() {
        var patient = Patient()
        patient.platform.daemonListens = false
        #expect(patient.finding("daemon-down")?.severity == .blocker)
        patient.platform.hooks.files = []
        #expect(patient.finding("daemon-down")?.severity == .warning)
        #expect(patient.finding("hook-missing")?.severity == .warning)
    }

    @Test("libvirt that does not run, and libvirt that is not installed")
    func libvirt() {
        var patient = Patient()
        patient.platform.libvirt = .init(program: "virtqemud", listens: false)
        #expect(patient.finding("libvirt-down")?.remedy == "systemctl enable --now virtqemud.socket")
        #expect(!patient.diagnosis.passthroughWorks)
        patient.platform.libvirt = .init(program: nil, listens: false)
        #expect(patient.finding("libvirt-missing")?.severity == .warning)
    }

    @Test("libvirt ignores a hook that is not executable")
    func hookMode() {
        var patient = Patient()
        patient.platform.hooks.files = [.init(name: "50-buslane", isExecutable: false)]
        #expect(
            patient.finding("hook-not-executable")?.remedy
                == "chmod 0755 /etc/libvirt/hooks/qemu.d/50-buslane && systemctl reload libvirtd")
    }

    @Test("reports leftovers of Buslane's hook, but not hooks of other software")
    func leftovers() {
        var patient = Patient()
        patient.platform.hooks.files? += [
            .init(name: "50-buslane.dpkg-old", isExecutable: true), .init(name: ".hidden", isExecutable: true),
            .init(name: "50-buslane.bak", isExecutable: false), .init(name: "10-backup", isExecutable: true),
        ]
        #expect(
            patient.diagnosis.findings.filter { $0.code == "hook-leftover" }.map(\.remedy) == [
                "rm /etc/libvirt/hooks/qemu.d/50-buslane.dpkg-old", "rm /etc/libvirt/hooks/qemu.d/.hidden",
            ])
    }

    @Test(
        "AppArmor denies a hook that is a link to elsewhere",
        arguments: [
            ("/usr/libexec/buslane-hook", true), ("/usr/sbin/buslane-hook", false), ("../../../../opt/hook", true),
        ])
    func confined(target: String, denied: Bool) {
        var patient = Patient()
        patient.platform.hooks.files = [.init(name: "50-buslane", isExecutable: true, target: target)]
        #expect(patient.finding("hook-confined") == nil)
        patient.platform.hooks.areConfined = true
        #expect((patient.finding("hook-confined") != nil) == denied)
    }

    @Test(
        "every kind of rival is reported with its place, its harm and its remedy",
        arguments: PlatformFacts.Rival.Kind.allCases)
    func rivals(kind: PlatformFacts.Rival.Kind) throws {
        var patient = Patient()
        patient.platform.rivals = [.init(kind: kind, file: "/etc/rival.d/pci-0000:3b:00.0", line: 3, text: "its line")]
        let finding = try #require(patient.diagnosis.findings.first { $0.code.hasPrefix("rival-") })
        #expect(finding.severity == .warning)
        #expect(finding.what == "/etc/rival.d/pci-0000:3b:00.0:3: its line")
        #expect(!finding.why.isEmpty)
        #expect(finding.remedy?.isEmpty == false)
        if kind == .driverctl { #expect(finding.remedy == "driverctl unset-override 0000:3b:00.0") }
    }

    @Test("vfio-pci.ids on the command line is reported")
    func commandLineIDs() {
        var patient = Patient()
        patient.platform.kernelCommandLine = ["vfio-pci.ids=8086:158b"]
        #expect(patient.finding("rival-modprobe")?.subject == "kernel command line")
    }

    @Test("NetworkManager configures VFs that get a host driver")
    func networkManager() {
        var patient = Patient()
        patient.platform.networkManagerTakesEverything = true
        #expect(patient.finding("networkmanager-takes-vfs") == nil)
        patient.functions[0].role = .physicalFunction(SRIOV(totalVFs: 8, vfCount: 2, driversAutoprobe: true))
        #expect(patient.finding("networkmanager-takes-vfs")?.severity == .warning)
    }

    @Test("reports the files that it was not allowed to read")
    func blindSpots() {
        var patient = Patient()
        patient.platform.unreadable = ["/etc/libvirt/qemu/networks"]
        #expect(patient.finding("not-everything-read")?.remedy == "sudo buslane doctor")
    }
}
