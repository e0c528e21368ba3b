// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// Reads where a network interface is on its card.
///
/// Source: Documentation/ABI/testing/sysfs-class-net: `dev_port`, `type`, `iflink`, `phys_port_name`, `phys_switch_id`.
enum PortReader {
    /// The facts that cost little: the kernel gives them without its network lock.
    static func facts(in home: borrowing Directory, of label: String, _ pass: inout ReadPass) throws(Vanished)
        -> PortFacts
    {
        PortFacts(
            number: try pass.value("dev_port", in: home, of: label, SysfsText.count),
            linkType: try pass.value("type", in: home, of: label, SysfsText.count))
    }

    /// Adds the facts that tell several interfaces of one function apart.
    ///
    /// The kernel answers with an error where a driver has no name or no switch, and waits for its network lock: while it
    /// creates VFs, a reader keeps a CPU busy. Source: `phys_port_name_show`, net/core/net-sysfs.c.
    static func distinguish(_ interface: inout NetworkInterface, in home: borrowing Directory, _ pass: inout ReadPass) {
        interface.port.name = text("phys_port_name", in: home, &pass)
        interface.port.switchID = text("phys_switch_id", in: home, &pass)
        let lower = (try? pass.read("iflink", in: home, SysfsText.count)).flatMap(\.self)
        let names = (try? home.names()) ?? []
        let standsOnAnother = lower.flatMap { lower in interface.index.map { $0 != lower } } ?? false
        interface.port.isUpper = standsOnAnother || names.contains { $0.hasPrefix("lower_") }
    }

    private static func text(_ name: StaticString, in home: borrowing Directory, _ pass: inout ReadPass) -> String? {
        let text = (try? pass.read(name, in: home, { String(text: $0) })).flatMap(\.self)
        return text.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// How many VFs of a ConnectX-3 hang on port 0 only, and how many on port 1 only. Empty if each VF can use both ports, and
    /// for every other card.
    ///
    /// The driver takes one number as VFs of both ports; two as VFs of port 0 and of port 1; a third as VFs of both. They are
    /// numbered in this order. Source: `num_vfs`, `param_map`, `mlx4_load_one`, drivers/net/ethernet/mellanox/mlx4/main.c.
    static func vfsPerPort(driver: String?, paths: HostPaths, _ pass: inout ReadPass) -> [Int] {
        guard driver == "mlx4_core",
            let text = pass.contents(ofFile: paths.parameter("num_vfs", ofModule: "mlx4_core"))
        else { return [] }
        // The vendor's own driver has a list by address instead, which says nothing here.
        let counts = text.split(separator: ",").map { SysfsText.count($0) }
        let known = counts.compactMap(\.self)
        return known.count == counts.count && (2...3).contains(known.count) ? Array(known.prefix(2)) : []
    }
}
