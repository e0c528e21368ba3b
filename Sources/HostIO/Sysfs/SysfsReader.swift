// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel
import SystemPackage

/// Reads the host from its kernel.
///
/// Reading changes nothing and needs no privilege. An attribute that cannot be read leaves its field nil and adds a
/// warning. A function that is removed while it is read is left out. An attribute for which the kernel makes its reader
/// wait, as for a write that hangs, has the last value that this reader or a copy of it saw, and adds a warning.
///
/// Source: Documentation/ABI/testing/sysfs-bus-pci, sysfs-kernel-iommu_groups, sysfs-class-net.
public struct SysfsReader: Sendable {
    public let paths: HostPaths
    let attributes: LockedAttributes

    public init(paths: HostPaths = HostPaths()) {
        self.init(paths: paths, attributes: LockedAttributes(paths: paths))
    }

    init(paths: HostPaths, attributes: LockedAttributes) {
        self.paths = paths
        self.attributes = attributes
    }

    /// The facts that a caller can leave out to save their cost.
    public struct Facts: OptionSet, Sendable {
        public let rawValue: Int

        public init(rawValue: Int) { self.rawValue = rawValue }

        /// ``Function/capabilities``: one more file for each function. Reading it wakes a suspended function.
        public static let capabilities = Facts(rawValue: 1)
        /// ``Function/vfioDriver``: a scan of the kernel's modules.alias.
        public static let vfioDrivers = Facts(rawValue: 2)
        /// ``Function/vfSettings``: one query to the kernel for each PF. Live hosts only.
        public static let vfSettings = Facts(rawValue: 4)
        /// The addresses of interfaces, and ``SRIOV/eswitchMode``: one query for all addresses, and one for each PF.
        /// Live hosts only.
        public static let network = Facts(rawValue: 8)
        /// ``Function/vfMSIXCount`` of VFs whose PF distributes vectors. ``capabilities`` includes it for every VF.
        public static let vectors = Facts(rawValue: 16)
        /// ``NetworkInterface/speedMbps``. While the kernel holds its network lock, for example to create VFs, a reader
        /// keeps a CPU busy. Source: `speed_show`, `restart_syscall`, net/core/net-sysfs.c.
        public static let speeds = Facts(rawValue: 32)
        /// ``SRIOV/virtualFunctions``: one link for each VF. Empty without this fact.
        public static let places = Facts(rawValue: 64)
        /// ``Function/link`` of functions whose capabilities are not read: four files, which wake a suspended function.
        /// Source: `current_link_speed_show`, drivers/pci/pci-sysfs.c.
        public static let links = Facts(rawValue: 128)
        /// The facts that decisions use, and that actions change.
        public static let decisive: Facts = [.vfSettings, .vectors, .places]
        public static let all: Facts = [.capabilities, .vfioDrivers, .vfSettings, .network, .speeds, .places, .links]
    }

    /// The whole host. Its parts are read one after the other, so the host can change in between.
    ///
    /// - Parameter facts: the facts to read besides each function's own attributes.
    /// - Throws: ``HostIOError/noSysfs(root:)`` when there is no `sys` below the root.
    public func snapshot(including facts: Facts = .all) throws(HostIOError) -> HostSnapshot {
        do { _ = try Directory(paths.sysfs) } catch { throw .noSysfs(root: paths.root) }
        var pass = ReadPass()
        let catalog = facts.contains(.vfioDrivers) ? Cores.Started(VFIOCatalog()) { VFIOCatalog(below: paths) } : nil
        var walk = BusReader(paths: paths, facts: facts, attributes: attributes).walk(&pass)
        catalog?.value.addDrivers(to: &walk.functions)
        if facts.contains(.vfSettings) { netlink?.addVFSettings(to: &walk.functions, &pass) }
        if facts.contains(.network) { netlink?.addNetwork(to: &walk.functions) }
        let iommu = IOMMUReader(paths: paths)
        let groups = iommu.groups(of: walk, &pass)
        return HostSnapshot(
            host: hostIdentity(&pass),
            iommu: IOMMU(enabled: groups.contains { !$0.isNoIOMMU }, kind: iommu.kind()),
            drivers: drivers(&pass),
            numaNodes: NUMAReader(paths: paths).nodes(&pass),
            iommuGroups: groups,
            functions: walk.functions,
            warnings: pass.warnings)
    }

    /// One function as it is now; nil when there is none at the address.
    ///
    /// A function is read again after every write, so the default leaves out the facts that no action changes.
    ///
    /// - Parameter known: the VF's place at the last reading. If one link confirms it, the PF's other links are not
    /// read.
    /// - Throws: ``HostIOError/noSysfs(root:)`` when there is no `sys` below the root, and
    ///   ``HostIOError/unreadable(path:errno:)`` when its PCI bus cannot be opened.
    public func function(
        at address: PCIAddress, including facts: Facts = .decisive, known: VirtualFunction? = nil
    ) throws(HostIOError) -> Function? {
        var pass = ReadPass()
        let bus: Directory
        do {
            bus = try Directory(paths.pciDevices)
        } catch .noSuchFileOrDirectory {
            do { _ = try Directory(paths.sysfs) } catch { throw .noSysfs(root: paths.root) }
            return nil
        } catch {
            throw .unreadable(path: paths.pciDevices.description, errno: error.rawValue)
        }
        let reader = BusReader(paths: paths, facts: facts, attributes: attributes)
        guard let function = reader.function(at: address, in: bus, known: known, &pass) else { return nil }
        var alone = [function]
        if facts.contains(.vfioDrivers) { VFIOCatalog(below: paths).addDrivers(to: &alone) }
        if facts.contains(.vfSettings), function.virtualFunction != nil { netlink?.addVFSettings(to: &alone, &pass) }
        return alone.first
    }

    /// A function's driver and its driver override: two attributes. nil when the function does not exist.
    ///
    /// - Throws: as ``function(at:including:known:)`` does.
    public func binding(at address: PCIAddress) throws(HostIOError) -> DriverBinding? {
        var pass = ReadPass()
        if let home = try? Directory(paths.function(address)) {
            do throws(Vanished) {
                let driver = try pass.linkName("driver", in: home, of: address.description)
                let locked = attributes.facts(of: [address])[address] ?? LockedFacts()
                return locked.isGone ? nil : DriverBinding(driver: driver, driverOverride: locked.driverOverride)
            } catch {
                return nil
            }
        }
        // The whole reading tells a function that is gone from a host that cannot be read.
        return try function(at: address, including: [])?.binding
    }

    /// A PF and its VFs as they are now, with one query for the settings of all VFs. Empty when the PF does not exist.
    ///
    /// - Throws: as ``function(at:including:known:)`` does.
    public func card(at address: PCIAddress) throws(HostIOError) -> [Function] {
        guard let physical = try function(at: address, including: .decisive),
            let bus = try? Directory(paths.pciDevices)
        else { return [] }
        var pass = ReadPass()
        let reader = BusReader(paths: paths, facts: .decisive, attributes: attributes)
        var card = [physical]
        for (index, vf) in (physical.sriov?.virtualFunctions ?? []).enumerated() {
            let place = VirtualFunction(physicalFunction: address, index: index)
            if let vf = reader.function(at: vf, in: bus, known: place, &pass) { card.append(vf) }
        }
        netlink?.addVFSettings(to: &card, &pass)
        return card
    }

    /// A VF's address, from its PF's link to it; nil when the PF has no VF with that index.
    public func address(of virtual: VirtualFunction) -> PCIAddress? {
        guard let bus = try? Directory(paths.pciDevices) else { return nil }
        var pass = ReadPass()
        return VFLinks(physical: virtual.physicalFunction).address(ofVF: virtual.index, in: bus, &pass)
    }

    /// Runs a write to these functions. Until it returns, the attributes that would wait for it are not read: readers get
    /// the last values seen.
    public func writing<Value, Failure: Error>(
        to functions: Set<PCIAddress>, _ write: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try attributes.writing(to: functions, write)
    }

    /// The interfaces of a PF, and on which of its ports each VF hangs. Empty when it has none or does not exist.
    package func vfPorts(of address: PCIAddress) -> VFPorts { InterfaceReader(paths: paths).vfPorts(of: address) }

    /// The name of a port of its PF that is down by configuration, so that the VF has no link; nil when there is none.
    public func downPort(ofVF virtual: VirtualFunction) -> String? {
        InterfaceReader(paths: paths).downPort(ofVF: virtual)
    }

    /// The host's NUMA nodes as they are now, by id, with their free memory and free hugepages.
    public func numaNodes() -> [NUMANode] {
        var pass = ReadPass()
        return NUMAReader(paths: paths).nodes(&pass)
    }

    /// nil for a tree that is not the running host: netlink only reaches that one.
    private var netlink: NetlinkFacts? {
        paths.isLive ? NetlinkFacts(interfaces: InterfaceReader(paths: paths)) : nil
    }

    /// nil in a tree that has no drivers.
    private func drivers(_ pass: inout ReadPass) -> PCIDrivers? {
        guard let names = try? Directory(paths.pciDrivers).names() else { return nil }
        let denylist = pass.contents(ofFile: paths.parameter("disable_denylist", ofModule: "vfio_pci"))
        return PCIDrivers(registered: Set(names), denylistIsOff: denylist.flatMap(SysfsText.parameter))
    }

    /// Source: `sys/kernel/*` of procfs, Documentation/admin-guide/sysctl/kernel.rst.
    private func hostIdentity(_ pass: inout ReadPass) -> HostIdentity {
        let name = pass.contents(ofFile: paths.hostname) ?? pass.contents(ofFile: paths.configuredHostname)
        return HostIdentity(
            name: name ?? "localhost",
            machineID: pass.contents(ofFile: paths.machineID),
            bootID: pass.contents(ofFile: paths.bootID),
            kernel: pass.contents(ofFile: paths.kernelRelease))
    }
}
