// SPDX-License-Identifier: GPL-3.0-or-later

/// Makes nodes of events.
struct YAMLComposer {
    /// By anchor, the node that was complete last under it, and the number of values in it.
    private var anchors: [String: (node: YAMLNode, size: Int)] = [:]
    /// The number of values so far. An alias counts as what it stands for, since that is read each time.
    private var size = 0

    /// A host with 16 PFs of 256 VFs, each with settings of its own, has fewer.
    static let mostValues = 50_000

    /// A configuration nests 6 deep; recursion far beyond that would exhaust the stack.
    private static let maximumDepth = 64

    /// The node that begins with an event.
    ///
    /// - Parameter next: the events after it.
    mutating func node(
        _ event: YAMLEvent, depth: Int, _ next: () throws(YAMLError) -> YAMLEvent
    ) throws(YAMLError) -> YAMLNode {
        guard depth < Self.maximumDepth else {
            throw YAMLError(mark: event.mark, problem: "nested more than \(Self.maximumDepth) deep")
        }
        let content: YAMLNode.Content
        let before = size
        switch event.kind {
        case .alias(let name):
            // It is the node that the anchor names, with that one's place.
            guard let known = anchors[name] else {
                throw YAMLError(mark: event.mark, problem: "no anchor '\(name)' before this alias")
            }
            try count(known.size, at: event.mark)
            return known.node
        case .scalar(let text, let isPlain): content = .scalar(text, isPlain: isPlain)
        case .sequenceStart: content = .sequence(try entries(depth: depth, next))
        case .mappingStart: content = .mapping(try pairs(depth: depth, next))
        case .documentStart, .streamEnd, .end, .other:
            throw YAMLError(mark: event.mark, problem: "expected a value")
        }
        try count(1, at: event.mark)
        let node = YAMLNode(content: content, mark: event.mark)
        if let anchor = event.anchor { anchors[anchor] = (node, size - before) }
        return node
    }

    private mutating func count(_ values: Int, at mark: YAMLNode.Mark?) throws(YAMLError) {
        size += values
        guard size <= Self.mostValues else {
            throw YAMLError(mark: mark, problem: "more than \(Self.mostValues) values")
        }
    }

    private mutating func entries(
        depth: Int, _ next: () throws(YAMLError) -> YAMLEvent
    ) throws(YAMLError) -> [YAMLNode] {
        var entries: [YAMLNode] = []
        var event = try next()
        while event.kind != .end {
            entries.append(try node(event, depth: depth + 1, next))
            event = try next()
        }
        return entries
    }

    private mutating func pairs(
        depth: Int, _ next: () throws(YAMLError) -> YAMLEvent
    ) throws(YAMLError) -> [(key: YAMLNode, value: YAMLNode)] {
        var pairs: [(key: YAMLNode, value: YAMLNode)] = []
        var event = try next()
        while event.kind != .end {
            let key = try node(event, depth: depth + 1, next)
            pairs.append((key, try node(try next(), depth: depth + 1, next)))
            event = try next()
        }
        try Self.refuseDuplicates(pairs.map(\.key))
        return pairs
    }

    private static func refuseDuplicates(_ keys: [YAMLNode]) throws(YAMLError) {
        var first: [String: YAMLNode.Mark] = [:]
        for key in keys {
            guard let name = key.string else { continue }
            if let mark = first[name] { throw YAMLError(mark: mark, problem: "'\(name)' is given twice") }
            first[name] = key.mark
        }
    }
}
