// SPDX-License-Identifier: GPL-3.0-or-later
import PrintableText

extension String {
    /// Its beginning, for an error text.
    public var shortened: String { cut(to: 61) }

    /// The most similar of several words; nil if it differs by more than a third of its letters, and for a text that is too
    /// long for a word.
    public func nearest(among words: some Sequence<String>) -> String? {
        guard utf8.count <= Self.longestWord else { return nil }
        let mine = lowercased()
        let best = words.map { (word: $0, distance: mine.editDistance(to: $0.lowercased())) }
            .min { ($0.distance, $0.word) < ($1.distance, $1.word) }
        guard let best, best.distance <= Swift.max(1, Swift.max(count, best.word.count) / 3) else { return nil }
        return best.word
    }

    private static let longestWord = 256

    /// The Levenshtein distance: how many letters must be inserted, removed or replaced.
    func editDistance(to other: String) -> Int {
        var row = Array(0...other.count)
        for (i, mine) in enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, theirs) in other.enumerated() {
                let above = row[j + 1]
                row[j + 1] = Swift.min(above + 1, row[j] + 1, diagonal + (mine == theirs ? 0 : 1))
                diagonal = above
            }
        }
        return row[other.count]
    }
}
