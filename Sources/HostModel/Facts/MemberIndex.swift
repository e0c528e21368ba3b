// SPDX-License-Identifier: GPL-3.0-or-later

/// By selector, where in a snapshot the functions stand that it admits: what each placement asks anew, and no event changes
/// for more than a function or two.
///
/// No fact of its own: two snapshots with other indexes are equal.
struct MemberIndex: Sendable, Equatable {
    private var positions: [Selector: [Int]] = [:]

    subscript(_ selector: Selector) -> [Int]? { positions[selector] }

    mutating func add(_ selector: Selector, _ members: [Int]) { positions[selector] = members }

    /// One function is not what it was; those around it, and its place, are.
    mutating func change(at position: Int, from before: Function, on host: HostSnapshot) {
        // A card's name, address or serial number is that of all its VFs.
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
    /// Remembers which functions a selector admits, for as long as they are followed one by one.
    public mutating func index(by selector: Selector) {
        if members[selector] == nil { members.add(selector, selector.positions(in: self)) }
    }
}

extension RandomAccessCollection where Index == Int {
    /// Of elements of which the first ones do not belong and all others do, the first that does.
    func partitioningIndex(where belongs: (Element) -> Bool) -> Int {
        var range = startIndex..<endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range = belongs(self[middle]) ? range.lowerBound..<middle : middle + 1..<range.upperBound
        }
        return range.lowerBound
    }
}
