// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

extension String {
    /// Whether this is `other` with text put in, and nothing else changed: `/>` may have become `>…</devices>`.
    public func isInsertion(into other: String) -> Bool {
        let text = Array(utf8)
        let sample = Array(other.utf8)
        let prefix = zip(text, sample).prefix { $0 == $1 }.count
        let suffix = zip(text.reversed(), sample.reversed()).prefix { $0 == $1 }.count
        let replaced = sample.count - prefix - suffix
        return replaced <= 0 || Array(sample[prefix..<prefix + replaced]) == Array("/".utf8)
    }
}

/// Words for a host's facts.
public enum Host {
    public static func node(_ id: Int, cpus: String) -> NUMANode {
        NUMANode(id: id, cpus: cpus, distances: [10, 21], memory: nil, hugepages: [])
    }
}
