// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

/// The VFIO drivers that the running kernel's modules declare, and the functions that each is for.
struct VFIOCatalog: Sendable {
    private let variants: [VFIOVariant]
    /// By module, the driver's name on the bus.
    private let drivers: [String: String]

    /// No driver but `vfio-pci`.
    init() {
        variants = []
        drivers = [:]
    }

    /// Reads what the running kernel's modules declare.
    init(below paths: HostPaths) {
        var pass = ReadPass()
        variants = Self.variants(below: paths, &pass)
        var drivers: [String: String] = [:]
        for variant in variants { drivers[variant.module] = Self.driver(ofModule: variant.module, below: paths) }
        self.drivers = drivers
    }

    /// Stores in every function the VFIO driver that fits it best. Bridges get none.
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

    /// Empty when the kernel has no modules.alias.
    ///
    /// Source: `modules.alias`, depmod(8).
    private static func variants(below paths: HostPaths, _ pass: inout ReadPass) -> [VFIOVariant] {
        guard let release = pass.contents(ofFile: paths.kernelRelease), !release.isEmpty, !release.contains("/"),
            let lines = paths.moduleAliases(kernel: release).lazy.compactMap({
                LongFile.lines(ofFile: $0, startingWith: "alias vfio_pci:")
            }).first
        else { return [] }
        return lines.compactMap { VFIOVariant(aliasLine: $0) }
    }

    /// The bus name of a module's driver.
    ///
    /// sysfs has it for a loaded module. For one that is not loaded, this is the module's name, as most drivers have
    /// it; `vfio_pci` is the exception.
    ///
    /// Source: `module_add_driver`, drivers/base/module.c.
    private static func driver(ofModule module: String, below paths: HostPaths) -> String {
        let registered = (try? Directory(paths.moduleDrivers(module)).names()) ?? []
        return registered.first { $0.hasPrefix("pci:") }.map { String($0.dropFirst("pci:".count)) }
            ?? (module == "vfio_pci" ? VFIO.genericDriver : module)
    }
}
