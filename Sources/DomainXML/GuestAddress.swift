// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// A place on the guest's PCI buses. A bus is named by its controller's index.
struct GuestAddress: Hashable, Sendable {
    let bus: Int
    /// 0 to 31.
    let slot: Int
    /// 0 to 7.
    let function: Int

    init(bus: Int, slot: Int, function: Int = 0) {
        self.bus = bus
        self.slot = slot
        self.function = function
    }

    /// Reads a device's own `<address type='pci'>`.
    ///
    /// - Returns: nil for an address of another kind, for one without values, which libvirt fills in, and for one that
    ///   libvirt refuses.
    init?(of device: XMLElement) {
        guard let address = device.first("address"), address["type"] == "pci",
            address["bus"] != nil || address["slot"] != nil,
            let bus = cNumber(address["bus"] ?? "0"), bus <= 255, let slot = cNumber(address["slot"] ?? "0"), slot < 32,
            let function = cNumber(address["function"] ?? "0"), function < 8
        else { return nil }
        self.init(bus: Int(bus), slot: Int(slot), function: Int(function))
    }

    /// The place of its slot's first function.
    var first: GuestAddress { GuestAddress(bus: bus, slot: slot) }

    /// The slots in which several functions are, as the place of their first function.
    static func shared(among places: [GuestAddress]) -> Set<GuestAddress> {
        Set(Dictionary(grouping: Set(places), by: \.first).filter { $0.value.count > 1 }.keys)
    }

    func markup(multifunction: Bool) -> Markup {
        var attributes = [
            ("type", "pci"), ("domain", "0x0000"), ("bus", "0x" + bus.hex(2)), ("slot", "0x" + slot.hex(2)),
            ("function", "0x" + function.hex(1)),
        ]
        if multifunction { attributes.append(("multifunction", "on")) }
        return Markup(name: "address", attributes: attributes)
    }
}
