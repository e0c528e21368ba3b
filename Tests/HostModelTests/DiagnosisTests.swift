// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("A diagnosis: the host itself")
struct DiagnosisTests {
    @Test("finds no problem on a complete host")
    func healthy() {
        let diagnosis = Patient().diagnosis
        #expect(diagnosis.passthroughWorks)
        #expect(diagnosis.findings.allSatisfy { $0.severity == .ok }, "\(diagnosis.findings)")
        #expect(
            diagnosis.findings.map(\.code) == [
                "iommu-on", "interrupt-remapping-on", "vfio-loaded", "libvirt-listens", "daemon-listens",
                "hook-installed",
            ])
    }

    @Test("reports nothing about facts that could not be read")
    func unknown() {
        var patient = Patient()
        patient.platform = PlatformFacts(hooks: .init(folder: ""))
        #expect(patient.diagnosis.findings.map(\.code) == ["iommu-on"])
    }

    @Test("distinguishes VT-d that is off in the firmware from VT-d that the kernel leaves off")
    func firmwareOrKernel() throws {
        var patient = Patient(iommu: false)
        patient.platform.firmwareTables = []
        var finding = try #require(patient.finding("iommu-off-in-firmware"))
        #expect(finding.severity == .blocker)
        #expect(finding.remedy?.hasPrefix("switch on VT-d") == true)
        #expect(finding.remedy?.contains("GRUB_CMDLINE_LINUX") == true)

        patient.platform.firmwareTables = [.dmar]
        finding = try #require(patient.finding("iommu-not-on-command-line"))
        #expect(finding.remedy?.contains("intel_iommu=on") == true)
        #expect(!patient.diagnosis.passthroughWorks)

        patient.platform.kernelCommandLine = ["quiet", "intel_iommu=on,sm_on"]
        finding = try #require(patient.finding("iommu-not-started"))
        #expect(finding.remedy?.contains("DMAR") == true)
    }

    @Test("names the word that switches the IOMMU off", arguments: ["iommu=off", "intel_iommu=off", "amd_iommu=off"])
    func offByHand(word: String) throws {
        var patient = Patient(iommu: false)
        patient.platform.firmwareTables = [.ivrs]
        patient.platform.kernelCommandLine = ["quiet", word]
        patient.platform.bootLoader = .grubby
        let finding = try #require(patient.finding("iommu-off-on-command-line"))
        #expect(finding.remedy == "grubby --update-kernel=ALL --remove-args=\(word) && reboot")
    }

    @Test("handles AMD, virtual machines and a host without ACPI")
    func otherHosts() {
        var patient = Patient(iommu: false)
        patient.platform.firmwareTables = [.ivrs]
        #expect(patient.finding("iommu-not-started")?.remedy?.contains("AMD-Vi") == true)
        patient.platform.firmwareTables = []
        patient.platform.processor = .amd
        #expect(patient.finding("iommu-off-in-firmware")?.remedy?.contains("AMD-Vi") == true)
        patient.platform.isVirtualMachine = true
        #expect(patient.finding("iommu-not-emulated")?.remedy?.contains("<iommu") == false)
        patient.platform.hypervisor = .other("VMware")
        #expect(patient.finding("iommu-not-emulated")?.remedy?.contains("<iommu") == false)
        patient.platform.hypervisor = .kvm
        #expect(patient.finding("iommu-not-emulated")?.remedy?.contains("<iommu model='intel'>") == true)
        patient.platform.firmwareTables = nil
        #expect(patient.finding("iommu-off")?.severity == .blocker)
    }

    @Test("recognizes groups that VFIO created without an IOMMU")
    func madeUpGroups() {
        var patient = Patient()
        patient.kind = nil
        patient.platform.makesUpGroups = true
        #expect(patient.finding("iommu-made-up")?.severity == .blocker)
        #expect(patient.finding("iommu-on") == nil)
    }

    @Test("advises iommu=pt only if the host's own DMA is translated")
    func passthroughMode() {
        var patient = Patient()
        patient.groupType = "DMA-FQ"
        #expect(patient.finding("iommu-translates-host-dma")?.severity == .advice)
        #expect(patient.diagnosis.passthroughWorks)
        patient.platform.kernelCommandLine = ["intel_iommu=on", "iommu=pt"]
        #expect(patient.finding("iommu-translates-host-dma") == nil)
    }

    @Test("without interrupt remapping VFIO refuses, unless it is configured to continue")
    func interrupts() {
        var patient = Patient()
        patient.platform.interruptRemapping = false
        #expect(patient.finding("interrupt-remapping-off")?.severity == .blocker)
        patient.platform.allowsUnsafeInterrupts = true
        #expect(patient.finding("interrupts-unsafe")?.severity == .warning)
        #expect(patient.diagnosis.passthroughWorks)
        patient.platform.kernelCommandLine = ["intremap=off"]
        #expect(patient.finding("interrupts-unsafe")?.remedy?.contains("remove intremap=off from") == true)
    }

    @Test("distinguishes a vfio-pci that is not loaded from a missing one")
    func modules() {
        var patient = Patient()
        patient.platform.vfio = .available
        #expect(patient.finding("vfio-not-loaded")?.remedy?.hasPrefix("modprobe vfio-pci") == true)
        patient.platform.vfio = .missing
        #expect(patient.finding("vfio-missing")?.what == "the running kernel 6.12.0 has no vfio-pci")
        #expect(!patient.diagnosis.passthroughWorks)
        // A function that is bound to it proves that it is loaded.
        patient.functions[0].driver = "vfio-pci"
        #expect(patient.finding("vfio-loaded") != nil)
    }

    @Test(
        "a libvirt that may not raise limits cannot lock a guest's memory",
        arguments: [(8 << 20, true), (1 << 30, false)])
    func lockedMemory(limit: Int, hopeless: Bool) {
        var patient = Patient()
        patient.platform.libvirt.process = .init(pid: 7, mayRaiseLimits: true, lockedMemoryLimit: limit)
        #expect(patient.finding("memlock-too-small") == nil)
        patient.platform.libvirt.process = .init(pid: 7, mayRaiseLimits: false, lockedMemoryLimit: nil)
        #expect(patient.finding("memlock-too-small") == nil)
        patient.platform.libvirt.process = .init(pid: 7, mayRaiseLimits: false, lockedMemoryLimit: limit)
        #expect(patient.finding("memlock-too-small")?.severity == (hopeless ? .blocker : .warning))
    }

    @Test("reports missing huge pages, and a node with SR-IOV cards that has none")
    func hugepages() {
        var patient = Patient()
        patient.nodes = [Patient.node(0, hugepages: 0), Patient.node(1, hugepages: 0)]
        #expect(patient.finding("no-hugepages")?.severity == .advice)
        patient.nodes = [Patient.node(0, hugepages: 512), Patient.node(1, hugepages: 0)]
        #expect(patient.finding("no-hugepages-on-node")?.subject == "node 1")
        patient.nodes = [Patient.node(0, hugepages: 0), Patient.node(1, hugepages: 512)]
        #expect(patient.finding("no-hugepages-on-node") == nil)
    }

    @Test("the most severe finding comes first")
    func order() {
        var patient = Patient()
        patient.groupType = "DMA"
        patient.platform.vfio = .missing
        patient.platform.hooks.files = []
        let severities = patient.diagnosis.findings.map(\.severity)
        #expect(severities.first == .blocker)
        #expect(
            severities
                == severities.sorted { left, right in
                    Finding.Severity.allCases.firstIndex(of: left)! < Finding.Severity.allCases.firstIndex(of: right)!
                })
    }
}

/// A complete data-plane host, which tests change: one PF that is up, on node 1, in a group of its own.
struct Patient {
    var platform: PlatformFacts
    var functions: [Function]
    var groups: [Int: [PCIAddress]]
    var groupType = "identity"
    var kind: IOMMU.Kind? = .intelVTd
    var nodes: [NUMANode] = []

    init(iommu: Bool = true) {
        functions = [Self.pf("0000:3b:00.0", group: 5)]
        groups = iommu ? [5: ["0000:3b:00.0"]] : [:]
        platform = PlatformFacts(
            hooks: .init(folder: "/etc/libvirt/hooks/qemu.d", files: [.init(name: "50-buslane", isExecutable: true)]),
            libvirt: .init(program: "libvirtd", listens: true))
        platform.processor = .intel
        platform.isVirtualMachine = false
        platform.kernelCommandLine = ["quiet"]
        platform.bootLoader = .updateGrub
        platform.firmwareTables = [.dmar]
        platform.interruptRemapping = true
        platform.vfio = .loaded
        platform.daemonListens = true
    }

    var diagnosis: Diagnosis {
        Diagnosis(
            of: HostSnapshot(
                host: HostIdentity(name: "kvm7", kernel: "6.12.0"), iommu: IOMMU(enabled: !groups.isEmpty, kind: kind),
                numaNodes: nodes,
                iommuGroups: groups.map { IOMMUGroup(id: $0, type: groupType, functions: $1.sorted()) },
                functions: functions),
            on: platform)
    }

    func finding(_ code: String) -> Finding? { diagnosis.findings.first { $0.code == code } }

    static func pf(_ address: PCIAddress, group: Int?, vfs: Int = 0, up: Bool = true) -> Function {
        Function(
            address: address, identity: Identity(vendor: 0x8086, device: 0x158b, classCode: 0x020000), driver: "i40e",
            iommuGroup: group, numaNode: 1, role: .physicalFunction(SRIOV(totalVFs: 64, vfCount: vfs)),
            interfaces: [
                NetworkInterface(
                    name: "ens1f0", index: 4, mac: nil, state: up ? "up" : "down", isAdministrativelyUp: up)
            ])
    }

    static func function(_ address: PCIAddress, group: Int?, driver: String?, class classCode: UInt32) -> Function {
        Function(
            address: address, identity: Identity(vendor: 0x10de, device: 1, classCode: classCode), driver: driver,
            iommuGroup: group)
    }

    static func node(_ id: Int, hugepages: Int) -> NUMANode {
        NUMANode(
            id: id, cpus: "", distances: [10, 21], memory: nil,
            hugepages: [.init(pageSizeBytes: 2 << 20, total: hugepages, free: hugepages)])
    }
}
