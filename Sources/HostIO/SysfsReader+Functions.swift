// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

extension SysfsReader {
    /// Every function of the PCI bus; none and a warning when there is no such bus.
    func functions(including facts: Facts, _ pass: inout ReadPass) -> [Function] {
        do {
            let bus = try Directory(paths.pciDevices)
            return functions(named: try bus.names(), in: bus, including: facts, &pass)
        } catch {
            pass.warn("cannot read \(paths.pciDevices): \(error); no PCI functions")
            return []
        }
    }

    private func functions(
        named names: [String], in bus: borrowing Directory, including facts: Facts, _ pass: inout ReadPass
    ) -> [Function] {
        var functions: [Function] = []
        functions.reserveCapacity(names.count)
        // In address order physical functions come before their VFs, whose places are then known already.
        let addresses = names.compactMap { name -> PCIAddress? in
            guard let address = try? PCIAddress(name) else {
                pass.warn("\(name) on the PCI bus is not an address")
                return nil
            }
            return address
        }
        for address in addresses.sorted() {
            let known = pass.warnings.count
            do {
                functions.append(try readFunction(address, in: bus, including: facts, &pass))
            } catch {
                pass.forgetWarnings(after: known)
            }
        }
        return functions
    }

    /// One function, every attribute relative to its own folder.
    ///
    /// - Throws: ``Vanished`` when it is not there, or no longer at the end.
    func readFunction(
        _ address: PCIAddress, in bus: borrowing Directory, including facts: Facts, _ pass: inout ReadPass
    ) throws(Vanished) -> Function {
        let subject = address.description
        let home: Directory
        do {
            home = try Directory(subject, in: bus)
        } catch .noSuchFileOrDirectory {
            throw Vanished()
        } catch {
            pass.warn("\(subject): cannot be opened: \(error)")
            return Function(address: address, identity: .unknown)
        }
        // 1. What may be absent.
        var function = Function(address: address, identity: .unknown)
        function.driver = try pass.linkName("driver", in: home, of: subject)
        function.driverOverride = try pass.text("driver_override", in: home, of: subject).flatMap {
            $0.isEmpty || $0 == "(null)" ? nil : $0
        }
        function.iommuGroup = try pass.linkName("iommu_group", in: home, of: subject).flatMap(SysfsText.count)
        function.numaNode = try pass.value("numa_node", in: home, of: subject) { Int($0) }.flatMap {
            $0 >= 0 ? $0 : nil
        }
        // Without a node the kernel names all CPUs here, which would say something that nobody knows.
        if function.numaNode != nil {
            function.localCPUs = try pass.text("local_cpulist", in: home, of: subject)
        }
        function.parent = parent(of: subject, in: bus, &pass)
        function.resetMethods =
            try pass.text("reset_method", in: home, of: subject)?.split(separator: " ").map(String.init) ?? []
        function.link = try link(of: home, subject, &pass)
        function.role = try role(of: address, in: home, bus: bus, &pass)
        if function.virtualFunction != nil {
            function.vfMSIXCount = try pass.value("sriov_vf_msix_count", in: home, of: subject, SysfsText.count)
        }
        if function.isOnVFIO { function.vfioDevice = vfioDevice(of: home) }
        if facts.contains(.capabilities) { function.capabilities = pass.configSpace?.capabilities(in: home) }
        function.interfaces = interfaces(of: home, driver: function.driver, subject, &pass)
        // 2. What every function has, last: where it is missing, the function may have gone while the rest was read.
        function.identity = try identity(in: home, subject, &pass) { bus.contains(subject) }
        return function
    }

    private func identity(
        in home: borrowing Directory, _ subject: String, _ pass: inout ReadPass, isStillThere: () -> Bool
    ) throws(Vanished) -> Identity {
        var identity = Identity.unknown
        var missing: [String] = []
        func take(_ name: String, upTo limit: UInt32, _ pass: inout ReadPass) throws(Vanished) -> UInt32? {
            let before = pass.warnings.count
            let value = try pass.value(name, in: home, of: subject) { text -> UInt32? in
                guard let value: UInt32 = SysfsText.hex(text), value <= limit else { return nil }
                return value
            }
            if value == nil, pass.warnings.count == before { missing.append(name) }
            return value
        }
        if let id = try take("vendor", upTo: 0xffff, &pass) { identity.vendor = UInt16(id) }
        if let id = try take("device", upTo: 0xffff, &pass) { identity.device = UInt16(id) }
        if let id = try take("subsystem_vendor", upTo: 0xffff, &pass) { identity.subsystemVendor = UInt16(id) }
        if let id = try take("subsystem_device", upTo: 0xffff, &pass) { identity.subsystemDevice = UInt16(id) }
        if let number = try take("revision", upTo: 0xff, &pass) { identity.revision = UInt8(number) }
        if let code = try take("class", upTo: 0xffffff, &pass) { identity.classCode = code }
        if !missing.isEmpty {
            guard isStillThere() else { throw Vanished() }
            pass.warn("\(subject): has no \(missing.joined(separator: ", "))")
        }
        return identity
    }

    /// The nearest PCI function above, from the path that the bus's link to the device shows.
    private func parent(of name: String, in bus: borrowing Directory, _ pass: inout ReadPass) -> PCIAddress? {
        guard let path = try? pass.target(of: name, in: bus), let end = path.lastIndex(of: "/") else { return nil }
        return SysfsText.lastFunction(onPath: path[..<end])
    }

    /// nil for a function that is not on PCI Express, or whose link says nothing.
    private func link(of home: borrowing Directory, _ subject: String, _ pass: inout ReadPass) throws(Vanished)
        -> PCIeLink?
    {
        guard let maxSpeed = try pass.text("max_link_speed", in: home, of: subject) else { return nil }
        let link = PCIeLink(
            speedGTs: try pass.text("current_link_speed", in: home, of: subject).flatMap(Self.speed),
            width: try pass.text("current_link_width", in: home, of: subject).flatMap(Self.width),
            maxSpeedGTs: Self.speed(maxSpeed),
            maxWidth: try pass.text("max_link_width", in: home, of: subject).flatMap(Self.width))
        return link == PCIeLink(speedGTs: nil, width: nil, maxSpeedGTs: nil, maxWidth: nil) ? nil : link
    }

    /// `8.0 GT/s PCIe`; nil for `Unknown`.
    static func speed(_ text: String) -> Double? { text.split(separator: " ").first.flatMap { Double($0) } }

    /// Lanes; nil for 0 and for 255, which is how the kernel prints an unknown width.
    ///
    /// Source: `PCIE_LNK_WIDTH_UNKNOWN`, include/linux/pci.h.
    static func width(_ text: String) -> Int? { Int(text).flatMap { (1..<255).contains($0) ? $0 : nil } }
}

extension Identity {
    /// All ones, what a read from the bus gives when nobody answers. It is no bridge, so it counts in its group.
    fileprivate static let unknown = Identity(vendor: 0xffff, device: 0xffff, classCode: 0xffffff)
}
