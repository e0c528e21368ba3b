// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

/// One function as its own folder describes it, before a VF has its place on its PF.
struct FunctionReading {
    var function: Function
    /// For a VF, its PF.
    var owner: PCIAddress?
    /// For a PF, the index of each VF by address.
    var places: [PCIAddress: Int] = [:]
    /// What could not be read, one line each.
    var warnings: [String] = []
}

/// Reads one function from its own folder.
struct FunctionReader {
    private let paths: HostPaths
    private let facts: SysfsReader.Facts
    private let interfaces: InterfaceReader
    private let roles: RoleReader
    private let attributes: LockedAttributes

    /// - Parameter facts: the facts to read besides the function's own attributes.
    init(paths: HostPaths, facts: SysfsReader.Facts, attributes: LockedAttributes) {
        self.paths = paths
        self.attributes = attributes
        self.facts = facts
        interfaces = InterfaceReader(paths: paths)
        roles = RoleReader(readsPlaces: facts.contains(.places))
    }

    /// - Parameter locked: the locked attributes of the function, and for a VF those of its PF, if they were read before.
    /// - Throws: when the function is removed while it is read.
    func read(
        _ address: PCIAddress, in bus: borrowing Directory, locked: [PCIAddress: LockedFacts], _ pass: inout ReadPass
    ) throws(Vanished) -> FunctionReading {
        let subject = address.description
        let home: Directory
        do {
            home = try Directory(subject, in: bus)
        } catch .noSuchFileOrDirectory {
            throw Vanished()
        } catch {
            return FunctionReading(
                function: Function(address: address, identity: .unknown),
                warnings: ["\(subject): cannot be opened: \(error)"])
        }
        var function = Function(address: address, identity: .unknown)
        // 1. Attributes that can be missing.
        let own = locked[address] ?? LockedFacts()
        if own.isGone { throw Vanished() }
        own.warnings.forEach { pass.warn($0) }
        function.driver = try pass.linkName("driver", in: home, of: subject)
        function.driverOverride = own.driverOverride
        try readPlace(into: &function, home, in: bus, subject, &pass)
        if let methods = try pass.text("reset_method", in: home, of: subject) {
            function.resetMethods = pass.words(of: methods)
        }
        let config = facts.contains(.capabilities) ? pass.configSpace?.reading(in: home) : nil
        function.capabilities = config?.capabilities
        function.serialNumber = config?.serialNumber
        if let config {
            function.link = config.link
        } else if facts.contains(.links) {
            function.link = try link(of: home, subject, &pass)
        }
        if function.driver != nil { function.vfioDevice = vfioDevice(of: home) }
        interfaces.readInterfaces(into: &function, home, withSpeeds: facts.contains(.speeds), &pass)
        var reading = FunctionReading(function: function)
        try roles.readRole(into: &reading, home, own, &pass)
        if var sriov = reading.function.sriov {
            sriov.vfsPerPort = PortReader.vfsPerPort(driver: function.driver, paths: paths, &pass)
            reading.function.role = .physicalFunction(sriov)
        }
        if let owner = reading.owner {
            reading.function.vfMSIXCount = vectors(ofVFOn: owner, home, config, locked, &pass)
        }
        // 2. Last, attributes that every function has: if they are missing, the function was removed during step 1.
        reading.function.identity = try IdentityReader(subject: subject, config: config).identity(in: home, &pass) {
            bus.contains(subject)
        }
        if reading.function.identity.baseClass == Self.display {
            reading.function.isConsole = try isConsole(home, subject, &pass)
        }
        reading.warnings = pass.takeWarnings()
        return reading
    }

    /// The base class of graphics cards. Source: PCI Code and ID Assignment Specification, class 03.
    private static let display: UInt8 = 0x03

    /// nil for a graphics card that is not VGA compatible and shows no boot screen.
    ///
    /// Source: Documentation/ABI/testing/sysfs-bus-pci, `boot_vga` and `boot_display`.
    private func isConsole(
        _ home: borrowing Directory, _ subject: String, _ pass: inout ReadPass
    ) throws(Vanished) -> Bool? {
        let vga = try pass.value("boot_vga", in: home, of: subject, SysfsText.flag)
        if vga == true { return true }
        return try pass.value("boot_display", in: home, of: subject, SysfsText.flag) ?? vga
    }

    /// Reads where the function is: its group, its NUMA node and the function above it.
    private func readPlace(
        into function: inout Function, _ home: borrowing Directory, in bus: borrowing Directory, _ subject: String,
        _ pass: inout ReadPass
    ) throws(Vanished) {
        function.iommuGroup = try pass.linkNumber("iommu_group", in: home, of: subject)
        function.numaNode = try pass.value("numa_node", in: home, of: subject, SysfsText.node).flatMap {
            $0 >= 0 ? $0 : nil
        }
        // Without a node the kernel lists all CPUs, which means nothing.
        if let node = function.numaNode { function.localCPUs = try localCPUs(of: home, node: node, subject, &pass) }
        // The target of the bus's link to the function contains the function above it.
        function.parent = try? pass.target(of: subject, in: bus) { SysfsText.lastFunction(onPath: $0, skipping: 1) }
    }

    /// The CPUs of the function's node, which are the same for each function on that node.
    ///
    /// Source: `local_cpulist_show`, drivers/pci/pci-sysfs.c.
    private func localCPUs(
        of home: borrowing Directory, node: Int, _ subject: String, _ pass: inout ReadPass
    ) throws(Vanished) -> String? {
        if let known = pass.nodeCPUs[node] { return known }
        let cpus = pass.contents(ofFile: paths.cpus(ofNode: node))
        // The node's own list cannot be read: use the function's.
        guard let cpus, Self.isCPUList(cpus) else { return try pass.text("local_cpulist", in: home, of: subject) }
        pass.nodeCPUs[node] = .some(cpus)
        return cpus
    }

    /// `0-31,64-95`. Source: `cpulist_parse`, Documentation/admin-guide/cputopology.rst.
    private static func isCPUList(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "-") }
    }

    /// The number of a VF's interrupt vectors; nil when it was not asked for.
    private func vectors(
        ofVFOn owner: PCIAddress, _ home: borrowing Directory, _ config: ConfigSpace.Reading?,
        _ locked: [PCIAddress: LockedFacts], _ pass: inout ReadPass
    ) -> Int? {
        if let config { return config.capabilities.msixTableSize }
        guard facts.contains(.vectors) else { return nil }
        // Whether the PF distributes interrupt vectors among its VFs.
        let physical = locked[owner] ?? attributes.facts(of: [owner])[owner]
        guard (physical?.vfTotalMSIX ?? 0) > 0 else { return nil }
        return pass.configSpace?.reading(in: home)?.capabilities.msixTableSize
    }

    /// `vfio0` for a function under a VFIO driver, since kernel 6.1.
    ///
    /// Source: Documentation/ABI/testing/sysfs-devices-vfio-dev.
    private func vfioDevice(of home: borrowing Directory) -> String? {
        guard let folder = try? Directory("vfio-dev", in: home), let names = try? folder.names() else { return nil }
        return names.first { $0.hasPrefix("vfio") && SysfsText.count(String($0.dropFirst(4))) != nil }
    }

    /// nil for a function that is not on PCI Express, or whose link values are all unknown.
    private func link(of home: borrowing Directory, _ subject: String, _ pass: inout ReadPass) throws(Vanished)
        -> PCIeLink?
    {
        let maxSpeed = try pass.text("max_link_speed", in: home, of: subject)
        // The kernel has all four or none. A captured tree can have some.
        if maxSpeed == nil, paths.isLive { return nil }
        let link = PCIeLink(
            speedGTs: try pass.text("current_link_speed", in: home, of: subject).flatMap(Self.speed),
            width: try pass.text("current_link_width", in: home, of: subject).flatMap(Self.width),
            maxSpeedGTs: maxSpeed.flatMap(Self.speed),
            maxWidth: try pass.text("max_link_width", in: home, of: subject).flatMap(Self.width))
        return link.isUnknown ? nil : link
    }

    /// `8.0 GT/s PCIe`; nil for `Unknown`.
    static func speed(_ text: String) -> Double? { text.split(separator: " ").first.flatMap { Double($0) } }

    /// The number of lanes; nil for 0 and for 255, which the kernel prints for an unknown width.
    ///
    /// Source: `PCIE_LNK_WIDTH_UNKNOWN`, include/linux/pci.h.
    static func width(_ text: String) -> Int? { Int(text).flatMap { (1..<255).contains($0) ? $0 : nil } }
}
