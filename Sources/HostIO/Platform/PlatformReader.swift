// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// Reads the facts outside the PCI bus that decide whether passthrough works.
///
/// It connects to no service and starts none: whether a service listens is read from the kernel's list of sockets, so
/// that a socket-activated libvirt is not started. It needs no privilege; root sees more.
public struct PlatformReader: Sendable {
    public let paths: HostPaths
    /// The names of the daemon's socket, one of which the kernel lists.
    public let daemonSockets: Set<String>

    public init(paths: HostPaths = HostPaths(), daemonSockets: Set<String>) {
        self.paths = paths
        self.daemonSockets = daemonSockets
    }

    public func facts() -> PlatformFacts {
        var files = TextFiles()
        var facts = PlatformFacts(hooks: hooks(&files))
        facts.kernelCommandLine = files.text(paths.commandLine)?.words.map(String.init)
        facts.bootLoader = bootLoader(files)
        facts.firmwareTables = firmwareTables(&files)
        addProcessor(to: &facts, &files)
        facts.hypervisor = hypervisor(isVirtualMachine: facts.isVirtualMachine, &files)
        facts.interruptRemapping = interruptRemapping(&files)
        facts.allowsUnsafeInterrupts = allowsUnsafeInterrupts(facts.kernelCommandLine, &files)
        facts.makesUpGroups = flag(paths.parameter("enable_unsafe_noiommu_mode", ofModule: "vfio"), &files)
        facts.vfio = vfio(&files)
        facts.functionsOfferingNoVFs = functionsOfferingNoVFs()
        let listening = listeningSockets(&files)
        facts.libvirt = libvirt(listening, &files)
        facts.daemonListens = listening.map { !$0.isDisjoint(with: daemonSockets) }
        facts.rivals = rivals(&files)
        facts.networkManagerTakesEverything = networkManagerTakesEverything(&files)
        facts.unreadable = files.unreadable.map(paths.onHost)
        return facts
    }

    /// A module's parameter, `Y` or `N`.
    func flag(_ path: HostPath, _ files: inout TextFiles) -> Bool? {
        (files.text(path)?.trimmed).flatMap { SysfsText.parameter(String($0)) }
    }
}

extension PlatformReader {
    private func addProcessor(to facts: inout PlatformFacts, _ files: inout TextFiles) {
        // All processors have the same vendor and flags: the first is enough.
        guard let text = files.text(paths.processorInfo, limit: 65536) else { return }
        func value(_ key: String) -> Substring? {
            text.split(separator: "\n").first { $0.hasPrefix(key) }?.split(separator: ":", maxSplits: 1).last?.trimmed
        }
        facts.processor =
            switch value("vendor_id") {
            case "GenuineIntel": .intel
            case "AuthenticAMD", "HygonGenuine": .amd
            default: .other
            }
        // Only x86 has this line; elsewhere it is unknown.
        facts.isVirtualMachine = value("flags").map { $0.words.contains("hypervisor") }
    }

    /// A vendor of physical hosts gives nil: `Amazon EC2`, `Apple`, `Google` and `Microsoft Corporation` count in a virtual
    /// machine only.
    private func hypervisor(isVirtualMachine: Bool?, _ files: inout TextFiles) -> PlatformFacts.Hypervisor? {
        if files.text(paths.hypervisorType)?.trimmed == "xen" { return .other("Xen") }
        guard isVirtualMachine != false, let vendor = files.text(paths.systemVendor)?.trimmed else { return nil }
        if ["QEMU", "Red Hat", "KVM"].contains(where: { vendor.hasPrefix($0) }) { return .kvm }
        let known = ["VMware": "VMware", "Xen": "Xen", "innotek": "VirtualBox", "Parallels": "Parallels"]
        if let name = known.first(where: { vendor.hasPrefix($0.key) })?.value { return .other(name) }
        // Without the processor's word, as on Arm, the product tells: `c7g.metal` and `m7g.metal-48xl` are physical.
        let product = files.text(paths.productName)?.trimmed
        if vendor.hasPrefix("Amazon EC2"), isVirtualMachine ?? product.map({ !$0.contains(".metal") }) == true {
            return .other("Amazon EC2")
        }
        if vendor.hasPrefix("Apple"), isVirtualMachine ?? product?.hasPrefix("Apple Virtualization") == true {
            return .other("Apple's hypervisor")
        }
        guard isVirtualMachine == true else { return nil }
        return vendor.hasPrefix("Microsoft")
            ? .other("Hyper-V") : vendor.hasPrefix("Google") ? .other("Google Cloud") : nil
    }

    private func bootLoader(_ files: TextFiles) -> PlatformFacts.BootLoader? {
        if paths.grubby.contains(where: files.exists) { return .grubby }
        if files.exists(paths.commandLineFile) { return .commandLineFile }
        return files.exists(paths.grubDefaults) && files.exists(paths.updateGrub) ? .updateGrub : nil
    }

    /// Only the names: the content of the tables is readable by root only.
    private func firmwareTables(_ files: inout TextFiles) -> Set<PlatformFacts.FirmwareTable>? {
        guard let names = files.names(in: paths.firmwareTables) else { return nil }
        return Set(
            PlatformFacts.FirmwareTable.allCases.filter { table in names.contains { $0.hasPrefix(table.rawValue) } })
    }

    /// The chip of a remapped interrupt is named `IR-IO-APIC` or `IR-PCI-MSI`. The names of Arm's chips do not show it.
    private func interruptRemapping(_ files: inout TextFiles) -> Bool? {
        guard let chips = files.text(paths.interrupts)?.words, chips.contains(where: { $0.contains("IO-APIC") }) else {
            return nil
        }
        return chips.contains { $0.hasPrefix("IR-") }
    }

    /// The value in the loaded module, else the value that the module will have once loaded.
    private func allowsUnsafeInterrupts(_ commandLine: [String]?, _ files: inout TextFiles) -> Bool? {
        let (module, parameter) = ("vfio_iommu_type1", "allow_unsafe_interrupts")
        if let answer = flag(paths.parameter(parameter, ofModule: module), &files) { return answer }
        let wanted = ["1", "Y", "y"].map { "\(parameter)=\($0)" }
        if commandLine?.contains(where: { word in wanted.contains { word == "\(module).\($0)" } }) == true {
            return true
        }
        let isOption = moduleOptions(&files).contains { words in
            words.dropFirst().first.map(String.init) == module && words.contains { wanted.contains(String($0)) }
        }
        return isOption ? true : nil
    }

    /// The words of every `options` line of modprobe.d.
    private func moduleOptions(_ files: inout TextFiles) -> [[Substring]] {
        var options: [[Substring]] = []
        for folder in paths.modprobe {
            for name in files.names(in: folder) ?? [] where name.hasSuffix(".conf") {
                options += files.lines(folder + "/\(name)").map(\.text.words).filter { $0.first == "options" }
            }
        }
        return options
    }

    private func vfio(_ files: inout TextFiles) -> PlatformFacts.ModuleState? {
        guard files.exists(paths.modules) else { return nil }
        if files.exists(paths.driver(VFIO.genericDriver)) || files.exists(paths.modules + "/vfio_pci") {
            return .loaded
        }
        guard let release = files.text(paths.kernelRelease)?.trimmed else { return nil }
        let folders = paths.installedModules(release: String(release))
        for folder in folders {
            for list in ["modules.dep", "modules.builtin"]
            where files.text(folder + "/\(list)")?.contains("/\(VFIO.genericDriver).ko") == true { return .available }
        }
        // In a captured tree without modules it is unknown.
        return paths.isLive || folders.contains(where: files.exists) ? .missing : nil
    }

    private func functionsOfferingNoVFs() -> [PCIAddress] {
        var pass = ReadPass()
        guard let bus = try? Directory(paths.pciDevices), let names = try? bus.names() else { return [] }
        return names.compactMap { name -> PCIAddress? in
            guard (try? pass.contents(of: "\(name)/sriov_totalvfs", in: bus)) == "0" else { return nil }
            return try? PCIAddress(name)
        }.sorted()
    }
}
