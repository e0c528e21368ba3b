// SPDX-License-Identifier: GPL-3.0-or-later

/// Expander buses: root buses on one of the guest's nodes.
extension GuestBuses {
    /// The index of the expander bus that a bus is behind; nil for a bus behind none.
    func expander(above bus: Int) -> Int? {
        var bus = bus
        var seen: Set<Int> = [0]
        while seen.insert(bus).inserted, let controller = controllers[bus] {
            if controller["model"] == "pcie-expander-bus" { return bus }
            guard let place = GuestAddress(of: controller) else { return nil }
            bus = place.bus
        }
        return nil
    }

    /// Adds an expander bus to each of these nodes of the guest that has none.
    mutating func addExpanders(for cells: [Int]) -> [Markup] {
        let present = Set(controllers.values.compactMap(\.expanderCell))
        var numbers = Set(
            controllers.values.compactMap { $0.first("target")?["busNr"].flatMap(cNumber) }.map { Int($0) })
        var added: [Markup] = []
        for cell in cells where !present.contains(cell) {
            let number = Self.firstBusNumber(without: numbers)
            numbers.insert(number)
            let target = Markup(
                name: "target", attributes: [("busNr", String(number))],
                children: [Markup(name: "node", text: String(cell))])
            added.append(
                Self.controller(
                    takeIndex(), model: "pcie-expander-bus", alias: Self.nodePrefix + String(cell), children: [target]))
        }
        return added
    }

    /// A number with room above it: each port behind an expander bus is a bus with a number above the expander's.
    private static func firstBusNumber(without numbers: Set<Int>) -> Int {
        for room in [0x20, 8] {
            let free = stride(from: 0x40, to: 0x100, by: room).first { first in
                !numbers.contains { (first..<first + room).contains($0) }
            }
            if let free { return free }
        }
        return 0xf8
    }
}

extension XMLElement {
    /// The guest's node that an expander bus is on.
    var expanderCell: Int? {
        guard self["model"] == "pcie-expander-bus" else { return nil }
        return first("target")?.first("node").flatMap { Int($0.text.filter { !$0.isWhitespace }) }
    }
}
