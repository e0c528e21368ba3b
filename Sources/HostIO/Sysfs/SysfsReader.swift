// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel
import SystemPackage

/// Reads the host as its kernel shows it.
///
/// Reading takes nothing, changes nothing and needs no privilege. What cannot be read costs its own field and a
/// warning; a function that goes away meanwhile is left out.
///
/// Source: Documentation/ABI/testing/sysfs-bus-pci, sysfs-kernel-iommu_groups, sysfs-class-net.
public struct SysfsReader: Sendable {
    public let paths: HostPaths

    public init(paths: HostPaths = HostPaths()) { self.paths = paths }

    /// What a reading can leave out, so that who does not need it does not pay for it.
    public struct Facts: OptionSet, Sendable {
        public let rawValue: Int

        public init(rawValue: Int) { self.rawValue = rawValue }

        /// ``Function/capabilities``: one more file a function, which wakes a sleeping one.
        public static let capabilities = Facts(rawValue: 1)
        /// ``Function/vfioDriver``: a scan of the kernel's modules.alias.
        public static let vfioDrivers = Facts(rawValue: 2)
        /// ``Function/vfSettings``: a question to the kernel for each PF. Live hosts only.
        public static let vfSettings = Facts(rawValue: 4)
        /// What the host itself does with interfaces and cards: their addresses and ``SRIOV/eswitchMode``. One question
        /// for all addresses, one for each PF. Live hosts only.
        public static let network = Facts(rawValue: 8)
        /// ``Function/vfMSIXCount`` where the VF's card deals out vectors; capabilities tell the same of every VF.
        public static let vectors = Facts(rawValue: 16)
        /// ``NetworkInterface/speedMbps``. While the kernel has its network lock, because it makes VFs for example, a
        /// reader keeps a CPU busy until it is free. Source: `speed_show`, `restart_syscall`, net/core/net-sysfs.c.
        public static let speeds = Facts(rawValue: 32)
        /// ``SRIOV/virtualFunctions``: a link for each; empty where they are not asked for.
        public static let places = Facts(rawValue: 64)
        /// ``Function/link``, where capabilities do not tell it: three files a function, which wake a sleeping one.
        /// Source: `current_link_speed_show`, drivers/pci/pci-sysfs.c.
        public static let links = Facts(rawValue: 128)
        /// What decisions are made on, and what effects of ours change.
        public static let decisive: Facts = [.vfSettings, .vectors, .places]
        public static let all: Facts = [.capabilities, .vfioDrivers, .vfSettings, .network, .speeds, .places, .links]
    }

    /// Everything, at one instant or as near to it as a walk can be.
    ///
    /// - Parameter facts: what to read beyond what each function's own attributes say.
    /// - Throws: ``HostIOError/noSysfs(root:)`` when there is no `sys` below the root.
    public func snapshot(including facts: Facts = .all) throws(HostIOError) -> HostSnapshot {
        do { _ = try Directory(paths.sysfs) } catch { throw .noSysfs(root: paths.root) }
        var pass = ReadPass()
        var walk = functions(including: facts, &pass)
        if facts.contains(.vfioDrivers) { vfioCatalog().addDrivers(to: &walk.functions) }
        if paths.isLive, facts.contains(.vfSettings) { addVFSettings(to: &walk.functions, &pass) }
        if paths.isLive, facts.contains(.network) { addNetwork(to: &walk.functions) }
        let groups = iommuGroups(of: walk, &pass)
        return HostSnapshot(
            host: hostIdentity(&pass),
            iommu: IOMMU(enabled: !groups.isEmpty, kind: iommuKind()),
            numaNodes: numaNodes(&pass),
            iommuGroups: groups,
            functions: walk.functions,
            warnings: pass.warnings)
    }

    /// One function as it is now; nil when there is none at the address.
    ///
    /// It is read again after every write, so by default without what no write of ours changes.
    ///
    /// - Parameter known: the place that it had when it was a VF before: one link tells whether it still has, and all of
    ///   its card's need not be followed.
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
            throw .unreadable(path: paths.pciDevices, errno: error.rawValue)
        }
        guard let function = function(at: address, in: bus, including: facts, known: known, &pass) else {
            return nil
        }
        var alone = [function]
        if facts.contains(.vfioDrivers) { vfioCatalog().addDrivers(to: &alone) }
        guard paths.isLive, facts.contains(.vfSettings), function.virtualFunction != nil else { return alone.first }
        addVFSettings(to: &alone, &pass)
        return alone.first
    }

    /// Which driver has a function, and which one alone may: two of its attributes; nil when it is not there.
    ///
    /// - Throws: as ``function(at:including:known:)`` does.
    public func binding(at address: PCIAddress) throws(HostIOError) -> DriverBinding? {
        let subject = address.description
        var pass = ReadPass()
        if let home = try? Directory(paths.function(address)) {
            do throws(Vanished) {
                return DriverBinding(
                    driver: try pass.linkName("driver", in: home, of: subject),
                    driverOverride: try driverOverride(in: home, of: subject, &pass))
            } catch {
                return nil
            }
        }
        // The long way tells whether it is gone, or what else there is to say.
        return try function(at: address, including: [])?.binding
    }

    /// A PF with its VFs as they are now, asked once what it enforces for all of them; none when it is not there.
    ///
    /// - Throws: as ``function(at:including:known:)`` does.
    public func card(at address: PCIAddress) throws(HostIOError) -> [Function] {
        guard let physical = try function(at: address, including: .decisive),
            let bus = try? Directory(paths.pciDevices)
        else { return [] }
        var pass = ReadPass()
        var card = [physical]
        for (index, vf) in (physical.sriov?.virtualFunctions ?? []).enumerated() {
            let place = VirtualFunction(physicalFunction: address, index: index)
            if let vf = function(at: vf, in: bus, including: .decisive, known: place, &pass) { card.append(vf) }
        }
        if paths.isLive { addVFSettings(to: &card, &pass) }
        return card
    }

    /// Where a VF is, by the one link that its physical function has to it; nil when it has none at that index.
    public func address(of virtual: VirtualFunction) -> PCIAddress? {
        guard let bus = try? Directory(paths.pciDevices) else { return nil }
        var pass = ReadPass()
        return address(of: virtual, in: bus, &pass)
    }

    /// Which host, which boot. Source: `sys/kernel/*` of procfs, Documentation/admin-guide/sysctl/kernel.rst.
    private func hostIdentity(_ pass: inout ReadPass) -> HostIdentity {
        let name = pass.contents(ofFile: paths.hostname) ?? pass.contents(ofFile: paths.configuredHostname)
        return HostIdentity(
            name: name ?? "localhost",
            machineID: pass.contents(ofFile: paths.machineID),
            bootID: pass.contents(ofFile: paths.bootID),
            kernel: pass.contents(ofFile: paths.kernelRelease))
    }
}
