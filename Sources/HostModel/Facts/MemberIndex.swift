// SPDX-License-Identifier: GPL-3.0-or-later

/// Caches the positions of the functions that a selector matches. Every placement needs them, and an event changes them for
/// only a few functions.
///
/// It adds no fact: snapshots with different indexes are equal.
struct MemberIndex: Sendable, Equatable {
    private var positions: [Selector: [Int]] = [:]

    subscript(_ selector: Selector) -> [Int]? { positions[selector] }

    mutating func add(_ selector: Selector, _ members: [Int]) { positions[selector] = members }

    /// Updates the index after one function has changed and kept its position.
    mutating func change(at position: Int, from before: Function, on host: HostSnapshot) {
        // The interface name, address and serial number of a PF select all its VFs.
        let isCard = before.virtualFunction == nil || host.functions[position].virtualFunction == nil
        for (selector, members) in positions {
            if isCard && selector.namesCards {
                positions[selector] = nil
                continue
            }
            let place = members.partitioningIndex { $0 >= position }
            let wasMember = place < members.endIndex && members[place] == position
            switch (wasMember, selector.admits(position, on: host)) {
            case (false, true): positions[selector]?.insert(position, at: place)
            case (true, false): positions[selector]?.remove(at: place)
            case (true, true), (false, false): break
            }
        }
    }

    static func == (_: MemberIndex, _: MemberIndex) -> Bool { true }
}

extension HostSnapshot {
    /// Caches the functions that a selector matches. The cache is updated as long as functions only change.
    public mutating func index(by selector: Selector) {
        if members[selector] == nil { members.add(selector, selector.positions(in: self)) }
    }
}

extension RandomAccessCollection where Index == Int {
    /// The first index for which `belongs` is true, in a collection in which it is false before that index and true from
    /// there on.
    func partitioningIndex(where belongs: (Element) -> Bool) -> Int {
        var range = startIndex..<endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range = belongs(self[middle]) ? range.lowerBound..<middle : middle + 1..<range.upperBound
        }
        return range.lowerBound
    }
}
