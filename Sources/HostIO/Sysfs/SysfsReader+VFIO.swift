// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

extension SysfsReader {
    /// Which VFIO driver suits which function on this host, as the running kernel's modules declare it.
    func vfioCatalog() -> VFIOCatalog {
        var pass = ReadPass()
        let variants = vfioVariants(&pass)
        var drivers: [String: String] = [:]
        for variant in variants { drivers[variant.module] = driver(ofModule: variant.module) }
        return VFIOCatalog(variants: variants, drivers: drivers)
    }

    /// None when the kernel's modules.alias is not there.
    ///
    /// Source: `modules.alias`, depmod(8).
    private func vfioVariants(_ pass: inout ReadPass) -> [VFIOVariant] {
        guard let release = pass.contents(ofFile: paths.kernelRelease), !release.isEmpty, !release.contains("/"),
            let lines = paths.moduleAliases(kernel: release).lazy.compactMap({
                LongFile.lines(ofFile: $0, startingWith: "alias vfio_pci:")
            }).first
        else { return [] }
        return lines.compactMap { VFIOVariant(aliasLine: $0) }
    }

    /// The name that a module's driver has on the bus.
    ///
    /// A loaded module says so itself; for one that is not, the module's name is what most drivers use. vfio-pci is the
    /// exception that every host has.
    ///
    /// Source: `module_add_driver`, drivers/base/module.c.
    private func driver(ofModule module: String) -> String {
        let registered = (try? Directory(paths.moduleDrivers(module)).names()) ?? []
        return registered.first { $0.hasPrefix("pci:") }.map { String($0.dropFirst("pci:".count)) }
            ?? (module == "vfio_pci" ? VFIO.genericDriver : module)
    }

    /// `vfio0` for a function under a VFIO driver, since kernel 6.1.
    ///
    /// Source: Documentation/ABI/testing/sysfs-devices-vfio-dev.
    func vfioDevice(of home: borrowing Directory) -> String? {
        guard let folder = try? Directory("vfio-dev", in: home), let names = try? folder.names() else { return nil }
        return names.first { $0.hasPrefix("vfio") && SysfsText.count(String($0.dropFirst(4))) != nil }
    }
}

/// The VFIO drivers that a host's modules declare.
struct VFIOCatalog: Sendable {
    fileprivate let variants: [VFIOVariant]
    /// By module, the driver's name on the bus.
    fileprivate let drivers: [String: String]

    /// Tells every function the VFIO driver that suits it; bridges get none.
    func addDrivers(to functions: inout [Function]) {
        var known: [Identity: String] = [:]
        for position in functions.indices where !functions[position].isBridge {
            let identity = functions[position].identity
            let driver =
                known[identity] ?? VFIOVariant.best(for: identity, among: variants).flatMap { drivers[$0.module] }
                ?? VFIO.genericDriver
            known[identity] = driver
            functions[position].vfioDriver = driver
        }
    }
}
