// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import HostSimulator
import Testing

@Suite("Sets of CPUs and nodes")
struct NumberSetTests {
    @Test(
        "reads and prints lists",
        arguments: [
            ("", ""), ("3", "3"), ("0-3,8", "0-3,8"), ("8,0-3", "0-3,8"), ("0-3,4", "0-4"), ("1,3,2", "1-3"),
            ("0-7,^3", "0-2,4-7"), ("0-7,^0-6", "7"), ("^3,3", "3"), ("0-7,^2-3,3", "0-1,3-7"), (" 1 , 2 ", "1-2"),
            ("0-16383", "0-16383"),
        ])
    func lists(text: String, printed: String) { #expect(NumberSet(list: text)?.description == printed) }

    @Test("refuses other texts, and numbers that no host has", arguments: ["a", "3-1", "1-", "0-16384", "99999999999"])
    func malformed(text: String) { #expect(NumberSet(list: text) == nil) }

    @Test("a list that is longer than one of every second number is refused unread")
    func long() {
        #expect(
            NumberSet(list: stride(from: 0, to: NumberSet.limit, by: 2).map(String.init).joined(separator: ",")) != nil)
        #expect(NumberSet(list: String(repeating: "0,", count: 1 << 20)) == nil)
    }

    @Test("is what a set of its numbers is", arguments: 0..<200 as Range<UInt64>)
    func sets(seed: UInt64) {
        var random = FixedSeed(seed)
        func some() -> Set<Int> {
            Set((0..<Int.random(in: 0...12, using: &random)).map { _ in Int.random(in: 0...20, using: &random) })
        }
        let (one, two) = (some(), some())
        let (first, second) = (NumberSet(one), NumberSet(two))
        #expect(first.numbers == one.sorted())
        #expect(first.union(second) == NumberSet(one.union(two)))
        #expect(first.intersection(second) == NumberSet(one.intersection(two)))
        #expect(first.subtracting(second) == NumberSet(one.subtracting(two)))
        #expect(first.isSubset(of: second) == one.isSubset(of: two))
        #expect(first.isDisjoint(with: second) == one.isDisjoint(with: two))
        #expect((0...21).allSatisfy { first.contains($0) == one.contains($0) })
        #expect(first.single == (one.count == 1 ? one.first : nil))
        #expect(NumberSet(list: first.description) == first)
    }

    @Test("numbers that no host has are left out", arguments: [Int.max, Int.min, -1, NumberSet.limit])
    func outside(number: Int) {
        #expect(NumberSet([3, number]) == NumberSet([3]))
        #expect(NumberSet(below: 4) == NumberSet([0, 1, 2, 3]) && NumberSet(below: 0).isEmpty)
    }
}
