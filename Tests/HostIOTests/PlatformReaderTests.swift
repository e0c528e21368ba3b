// SPDX-License-Identifier: GPL-3.0-or-later
import FixtureHosts
import Foundation
import HostIO
import HostModel
import Testing

@Suite("Reading the platform")
struct PlatformReaderTests {
    private let names: Set = ["/run/buslane/buslane.sock", "/run/buslane/buslane.sock.new"]

    private func facts(_ tree: FixtureTree) -> PlatformFacts {
        PlatformReader(paths: tree.paths, daemonSockets: names).facts()
    }

    @Test("in an empty tree every fact is unknown")
    func empty() throws {
        let facts = facts(try FixtureTree())
        #expect(facts == PlatformFacts(hooks: .init(folder: "/etc/libvirt/hooks/qemu.d")))
    }

    @Test("reads the kernel, the firmware and the processor")
    func kernel() throws {
        let tree = try FixtureTree(
            """
            /proc/cmdline = quiet intel_iommu=on
            /proc/cpuinfo = processor	: 0\\nvendor_id	: GenuineIntel\\nflags		: fpu vmx\\n\\nprocessor	: 1
            /proc/interrupts = CPU0\\n 24: 1 IR-IO-APIC 5-edge acpi
            /proc/sys/kernel/osrelease = 6.12.0
            /sys/firmware/acpi/tables/DMAR = x
            /sys/firmware/acpi/tables/APIC = x
            /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts = N
            /sys/module/vfio/parameters/enable_unsafe_noiommu_mode = Y
            /lib/modules/6.12.0/modules.dep = kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/drivers/vfio/vfio.ko.xz
            /etc/default/grub = GRUB_CMDLINE_LINUX=quiet
            /usr/sbin/update-grub = x
            """)
        let facts = facts(tree)
        #expect(facts.kernelCommandLine == ["quiet", "intel_iommu=on"])
        #expect(facts.processor == .intel)
        #expect(facts.isVirtualMachine == false)
        #expect(facts.interruptRemapping == true)
        #expect(facts.firmwareTables == [.dmar])
        #expect(facts.allowsUnsafeInterrupts == false)
        #expect(facts.makesUpGroups == true)
        #expect(facts.vfio == .available)
        #expect(facts.bootLoader == .updateGrub)
        #expect(facts.libvirt == .init())
        #expect(facts.hooks.files == nil)
    }

    @Test(
        "a vendor that names physical hosts too counts with the word of the processor or of the product",
        arguments: [
            ("Amazon EC2", "c7g.metal", nil, nil), ("Amazon EC2", "m7g.metal-48xl", nil, nil),
            ("Amazon EC2", "c7g.large", nil, .other("Amazon EC2")), ("Amazon EC2", nil, nil, nil),
            ("Amazon EC2", "m5.large", "fpu hypervisor", .other("Amazon EC2")), ("Amazon EC2", "m5.metal", "fpu", nil),
            ("Apple Inc.", "Mac mini", nil, nil),
            ("Apple Inc.", "Apple Virtualization Generic Platform", nil, .other("Apple's hypervisor")),
            ("VMware, Inc.", nil, nil, .other("VMware")), ("QEMU", nil, nil, .kvm),
        ] as [(String, String?, String?, PlatformFacts.Hypervisor?)])
    func hypervisor(vendor: String, product: String?, flags: String?, expected: PlatformFacts.Hypervisor?) throws {
        let tree = try FixtureTree("/sys/class/dmi/id/sys_vendor = \(vendor)")
        if let product { try tree.write(product, to: "/sys/class/dmi/id/product_name") }
        try tree.write("processor\t: 0\n" + (flags.map { "flags\t: \($0)" } ?? "Features\t: fp"), to: "/proc/cpuinfo")
        #expect(facts(tree).hypervisor == expected)
    }

    @Test("vfio-pci is loaded, available, missing or unknown")
    func modules() throws {
        let tree = try FixtureTree("/sys/module/pci/uevent =\n/proc/sys/kernel/osrelease = 6.12.0")
        #expect(facts(tree).vfio == nil)
        try tree.write("kernel/fs/ext4/ext4.ko:", to: "/usr/lib/modules/6.12.0/modules.dep")
        #expect(facts(tree).vfio == .missing)
        try tree.write("kernel/drivers/vfio/pci/vfio-pci.ko", to: "/usr/lib/modules/6.12.0/modules.builtin")
        #expect(facts(tree).vfio == .available)
        try tree.write("", to: "/sys/bus/pci/drivers/vfio-pci/uevent")
        #expect(facts(tree).vfio == .loaded)
    }

    @Test("reads interrupt remapping, chips that do not show it, and an option in modprobe.d")
    func interrupts() throws {
        let tree = try FixtureTree("/proc/interrupts = 24: 1 IO-APIC 5-edge acpi\\n28: PCI-MSIX-0000:00:01.0 virtio0")
        #expect(facts(tree).interruptRemapping == false)
        #expect(facts(tree).allowsUnsafeInterrupts == nil)
        try tree.write(
            "options vfio_iommu_type1 allow_unsafe_interrupts=1", to: "/etc/modprobe.d/vfio.conf")
        #expect(facts(tree).allowsUnsafeInterrupts == true)
        try tree.write("24: 1 ITS-PCI-MSIX-0000:01:00.0 nvme0", to: "/proc/interrupts")
        #expect(facts(tree).interruptRemapping == nil)
    }

    @Test("finds functions whose firmware offers no VFs")
    func noVFs() throws {
        let tree = try FixtureTree(
            """
            [/sys/devices/pci0000:00/0000:00:01.0]
            sriov_totalvfs = 0
            [/sys/devices/pci0000:00/0000:00:02.0]
            sriov_totalvfs = 7
            [/sys/devices/pci0000:00/0000:00:03.0]
            vendor = 0x8086
            """)
        #expect(facts(tree).functionsOfferingNoVFs == [try address("0000:00:01.0")])
    }

    @Test("services that listen are found in the kernel's list of sockets, not by leftover files")
    func sockets() throws {
        let tree = try FixtureTree(
            """
            /usr/sbin/libvirtd = x
            /run/buslane/buslane.sock = left behind
            /proc/net/unix = Num RefCount Protocol Flags Type St Inode Path\\n0: 00000002 00000000 00010000 0001 01 1 /run/libvirt/libvirt-sock\\n0: 00000003 00000000 00000000 0001 03 2 /run/buslane/buslane.sock
            """)
        var facts = facts(tree)
        #expect(facts.libvirt.program == "libvirtd")
        #expect(facts.libvirt.listens == true)
        #expect(facts.daemonListens == false)
        try tree.write(
            "Num\n0: 00000002 00000000 00010000 0001 01 2 /run/buslane/buslane.sock", to: "/proc/net/unix")
        facts = self.facts(tree)
        #expect(facts.libvirt.listens == false)
        #expect(facts.daemonListens == true)
        // As the daemon bound it, before it renamed it into its place
        try tree.write(
            "Num\n0: 00000002 00000000 00010000 0001 01 2 /run/buslane/buslane.sock.new", to: "/proc/net/unix")
        #expect(self.facts(tree).daemonListens == true)
    }

    @Test("reads the limits of the system's libvirt and ignores that of a user's session")
    func process() throws {
        let limits = "Max locked memory         8388608              16777216             bytes"
        let tree = try FixtureTree(
            """
            /proc/41/comm = libvirtd
            /proc/41/status = Name: libvirtd\\nUid:	1000	1000	1000	1000\\nCapEff:	0000000000000000
            /proc/41/limits = Limit Soft Hard Units\\n\(limits)
            /proc/42/comm = virtqemud
            /proc/42/status = Name: virtqemud\\nUid:	0	0	0	0\\nCapEff:	0000000000001000
            /proc/42/limits = Limit Soft Hard Units\\n\(limits)
            """)
        #expect(
            facts(tree).libvirt.process
                == .init(pid: 42, mayRaiseLimits: false, lockedMemoryLimit: 16_777_216))
        try tree.write("Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff", to: "/proc/42/status")
        try tree.write("Max locked memory unlimited unlimited bytes", to: "/proc/42/limits")
        #expect(facts(tree).libvirt.process == .init(pid: 42, mayRaiseLimits: true, lockedMemoryLimit: nil))
    }

    @Test("of two libvirt daemons the running one counts, else the one that systemd listens for")
    func twoLibvirts() throws {
        let tree = try FixtureTree("/usr/sbin/libvirtd = x\n/usr/sbin/virtqemud = x")
        #expect(facts(tree).libvirt.program == "libvirtd")
        let wants = "/etc/systemd/system/sockets.target.wants"
        try tree.write("[Socket]", to: "\(wants)/virtqemud.socket")
        #expect(facts(tree).libvirt.program == "virtqemud")
        try tree.write("libvirtd", to: "/proc/9/comm")
        try tree.write("Uid: 0 0 0 0\nCapEff: 000001ffffffffff", to: "/proc/9/status")
        try tree.write("Max locked memory 8388608 8388608 bytes", to: "/proc/9/limits")
        #expect(facts(tree).libvirt.program == "libvirtd")
    }

    @Test("lists the hooks: executable files and links")
    func hooks() throws {
        let tree = try FixtureTree("/etc/libvirt/libvirtd.conf = #")
        #expect(facts(tree).hooks.files == [])
        try tree.write("ELF", to: "/etc/libvirt/hooks/qemu.d/50-buslane")
        try tree.write("old", to: "/etc/libvirt/hooks/qemu.d/50-buslane.dpkg-old")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: tree.root + "/etc/libvirt/hooks/qemu.d/50-buslane")
        try tree.makeRawLink(at: "/etc/libvirt/hooks/qemu.d/60-link", to: "/nowhere")
        try tree.write("Y", to: "/sys/module/apparmor/parameters/enabled")
        try tree.write("profile", to: "/etc/apparmor.d/usr.sbin.libvirtd")
        let hooks = facts(tree).hooks
        #expect(hooks.folder == "/etc/libvirt/hooks/qemu.d")
        #expect(hooks.areConfined)
        #expect(
            hooks.files == [
                .init(name: "50-buslane", isExecutable: true), .init(name: "50-buslane.dpkg-old", isExecutable: false),
                .init(name: "60-link", isExecutable: false, target: "/nowhere"),
            ])
    }

    @Test("finds one rival for each file that configures functions, and ignores other files")
    func rivals() throws {
        let tree = try FixtureTree(
            """
            /etc/NetworkManager/system-connections/pf.nmconnection = [connection]\\nid=pf\\n[sriov]\\ntotal-vfs=4
            /etc/NetworkManager/system-connections/lan.nmconnection = [connection]\\nid=lan
            /etc/netplan/01.yaml = network:\\n  ethernets:\\n    ens1f0:\\n      virtual-function-count: 8
            /etc/netplan/02.yaml = # virtual-function-count: 8
            /run/systemd/network/10-pf.link = [Link]\\nSR-IOVVirtualFunctions=4
            /etc/systemd/network/20-pf.network.d/vf.conf = [SR-IOV]\\nVirtualFunction=0
            /usr/lib/systemd/network/99-default.link = [Link]\\nNamePolicy=keep
            /etc/driverctl.d/pci-0000:3b:00.0 = vfio-pci
            /etc/libvirt/qemu/networks/vfs.xml = <network>\\n  <forward mode='hostdev' managed='yes'>
            /etc/libvirt/qemu/networks/default.xml = <network>\\n  <forward mode='nat'/>
            /etc/udev/rules.d/99-vf.rules = ACTION=="add", ATTR{device/sriov_numvfs}="4"
            /usr/lib/udev/rules.d/60-look.rules = ATTR{sriov_numvfs}=="0", TAG+="x"
            /etc/modprobe.d/vfio.conf = # ids\\noptions vfio-pci ids=8086:158b disable_vga=1
            /etc/modprobe.d/igb.conf = options igb max_vfs=7
            /etc/modprobe.d/kvm.conf = options kvm_intel nested=1
            /etc/rc.local = #!/bin/sh\\necho 4 > x/sriov_numvfs
            /etc/systemd/system/vfs.service = [Service]\\nExecStart=sh -c 'echo 4 > x/sriov_numvfs'
            """)
        let found = facts(tree).rivals.map { "\($0.kind) \($0.file):\($0.line ?? 0) \($0.text)" }
        #expect(
            found == [
                "networkManager /etc/NetworkManager/system-connections/pf.nmconnection:3 [sriov]",
                "netplan /etc/netplan/01.yaml:4 virtual-function-count: 8",
                "systemdNetwork /etc/systemd/network/20-pf.network.d/vf.conf:1 [SR-IOV]",
                "systemdNetwork /run/systemd/network/10-pf.link:2 SR-IOVVirtualFunctions=4",
                "driverctl /etc/driverctl.d/pci-0000:3b:00.0:0 driver override vfio-pci",
                "libvirtNetwork /etc/libvirt/qemu/networks/vfs.xml:2 <forward mode='hostdev' managed='yes'>",
                "udevRule /etc/udev/rules.d/99-vf.rules:1 ACTION==\"add\", ATTR{device/sriov_numvfs}=\"4\"",
                "modprobe /etc/modprobe.d/igb.conf:1 options igb max_vfs=7",
                "modprobe /etc/modprobe.d/vfio.conf:2 options vfio-pci ids=8086:158b disable_vga=1",
                "script /etc/rc.local:2 echo 4 > x/sriov_numvfs",
                "script /etc/systemd/system/vfs.service:2 ExecStart=sh -c 'echo 4 > x/sriov_numvfs'",
            ])
    }

    @Test("NetworkManager without unmanaged devices manages every interface")
    func networkManager() throws {
        let tree = try FixtureTree("/usr/sbin/NetworkManager = x\n/etc/NetworkManager/NetworkManager.conf = [main]")
        #expect(facts(tree).networkManagerTakesEverything)
        try tree.write(
            "[keyfile]\nunmanaged-devices=interface-name:ens*v*", to: "/etc/NetworkManager/conf.d/vf.conf")
        #expect(!facts(tree).networkManagerTakesEverything)
    }

    @Test("a pipe, a folder and binary data among the files do no harm")
    func oddFiles() throws {
        let tree = try FixtureTree("/etc/netplan/a.yaml/b = x")
        #expect(mkfifo(tree.root + "/etc/netplan/b.yaml", 0o600) == 0)
        try Data([0xff, 0xfe, 0x0a, 0xc3]).write(to: URL(filePath: tree.root + "/etc/netplan/c.yaml"))
        try tree.makeRawLink(at: "/etc/netplan/d.yaml", to: "d.yaml")
        #expect(facts(tree).rivals == [])
    }

    @Test("the data-plane fixture is ready for passthrough, with a finding about its shared group")
    func wholeHost() throws {
        let tree = try FixtureTree(named: "dataplane-host")
        let diagnosis = Diagnosis(of: try tree.reader.snapshot(), on: facts(tree))
        #expect(diagnosis.passthroughWorks)
        #expect(diagnosis.findings(.warning).map(\.code) == ["group-not-viable", "no-hugepages-on-node"])
    }
}
