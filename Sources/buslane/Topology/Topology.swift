// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel

/// The picture's content, independent of how it is drawn: areas with cards, cards with cells.
struct Topology {
    var host: Inventory.Host
    var iommu: Inventory.IOMMU
    /// By node; the functions on no node come last.
    var areas: [Area]
    /// In the order in which their functions are met.
    var owners: [Owner]
    /// Whether a daemon reported the claims.
    var areClaimsKnown: Bool
    var marks: GroupMarks

    /// A NUMA node, or the area of functions without one.
    struct Area {
        var id: Int?
        var node: Inventory.NUMANode?
        /// Physical functions with their VFs first, then other functions that can be claimed.
        var cards: [Card] = []
        /// Bridges and the platform's functions, which cannot be claimed.
        var platform: [Cell] = []
    }

    struct Card {
        var cell: Cell
        /// By index.
        var vfs: [Cell] = []
    }

    /// One function.
    struct Cell {
        var function: FunctionDocument
        var use: Use
        var owner: Owner?
        /// Another function is in the same IOMMU group.
        var sharesGroup: Bool
    }

    /// What holds the function now. Each has a sign, not only a colour.
    enum Use: CaseIterable {
        case claimed, onVFIO, unbound, host
    }

    struct Owner {
        /// `A` … `Z`, `AA` …: short enough for a cell.
        let code: String
        /// Among the owners.
        let position: Int
        let name: String
        var claims: [String] = []
        var functions = 0
    }

    /// - Parameter owners: by claim, its owner's name; nil if unknown.
    init(of inventory: Inventory, owners names: [String: String]?) {
        host = inventory.host
        iommu = inventory.iommu
        areClaimsKnown = names != nil
        marks = GroupMarks(of: inventory)

        var shared: Set<Int> = []
        var seen: Set<Int> = []
        for case let group? in inventory.functions.lazy.map(\.iommuGroup) where !seen.insert(group).inserted {
            shared.insert(group)
        }
        var register = OwnerRegister(names: names ?? [:])
        let cells = inventory.functions.map { function in
            Cell(
                function: function, use: Use(of: function), owner: register.owner(of: function),
                sharesGroup: function.iommuGroup.map(shared.contains) ?? false)
        }
        owners = register.owners
        areas = Self.areas(of: cells, nodes: inventory.numaNodes)
    }

    private static func areas(of cells: [Cell], nodes: [Inventory.NUMANode]) -> [Area] {
        let known = Set(cells.map(\.function.address))
        var vfs: [PCIAddress: [Cell]] = [:]
        var others: [Cell] = []
        for cell in cells {
            if let above = cell.function.virtualFunction?.physicalFunction, known.contains(above) {
                vfs[above, default: []].append(cell)
            } else {
                others.append(cell)
            }
        }
        var areas = Dictionary(
            nodes.map { ($0.id as Int?, Area(id: $0.id, node: $0)) }, uniquingKeysWith: { first, _ in first })
        for cell in others {
            let node = cell.function.numaNode
            var area = areas[node] ?? Area(id: node)
            let slices = (vfs[cell.function.address] ?? []).sorted {
                ($0.index, $0.function.address) < ($1.index, $1.function.address)
            }
            if slices.isEmpty && !cell.isOfInterest {
                area.platform.append(cell)
            } else {
                area.cards.append(Card(cell: cell, vfs: slices))
            }
            areas[node] = area
        }
        return areas.values.map { area in
            var area = area
            area.cards = area.cards.filter(\.isSliceable) + area.cards.filter { !$0.isSliceable }
            return area
        }.sorted { ($0.id ?? .max) < ($1.id ?? .max) }
    }
}

extension Topology.Use {
    init(of function: FunctionDocument) {
        if function.claim != nil {
            self = .claimed
        } else if let driver = function.driver {
            self = function.vfioDevice != nil || VFIO.isVFIODriver(driver) ? .onVFIO : .host
        } else {
            self = .unbound
        }
    }
}

extension Topology.Card {
    var isSliceable: Bool { cell.function.sriov != nil || !vfs.isEmpty }
}

extension Topology.Cell {
    var index: Int { function.virtualFunction?.index ?? 0 }

    /// Whether it is of a kind that is passed through, or is claimed.
    fileprivate var isOfInterest: Bool {
        // Storage, network, display, multimedia, coprocessors, USB and fabrics, wireless, encryption, accelerators.
        let wanted: Set<Substring> = ["01", "02", "03", "04", "0b", "0d", "10", "12"]
        let code = (function.class?.id ?? "").prefix(4)
        return use == .claimed || use == .onVFIO || function.sriov != nil || wanted.contains(code.prefix(2))
            || code == "0c03" || code == "0c06"
    }
}

/// Gives each owner a code at its first function.
private struct OwnerRegister {
    let names: [String: String]
    var owners: [Topology.Owner] = []
    private var positions: [String: Int] = [:]
    private var claims: Set<String> = []

    init(names: [String: String]) { self.names = names }

    mutating func owner(of function: FunctionDocument) -> Topology.Owner? {
        guard let claim = function.claim else { return nil }
        // A claim that is newer than the list of claims has no owner's name yet: its id is shown.
        let name = names[claim] ?? claim
        let position = positions[name] ?? owners.count
        if position == owners.count {
            owners.append(Topology.Owner(code: Self.code(position), position: position, name: name))
            positions[name] = position
        }
        if claims.insert(claim).inserted { owners[position].claims.append(claim) }
        owners[position].functions += 1
        return owners[position]
    }

    private static func code(_ position: Int) -> String {
        let last = String(Unicode.Scalar(UInt8(ascii: "A") + UInt8(position % 26)))
        return position < 26 ? last : code(position / 26 - 1) + last
    }
}
