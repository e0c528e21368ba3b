// SPDX-License-Identifier: GPL-3.0-or-later

/// A named supply: which functions may be handed out under the name, and what a claim gets when it says nothing.
public struct Pool: Hashable, Sendable {
    public let name: String
    public var selector: Selector
    /// The NUMA policy of a claim that names none.
    public var numa: NUMAPolicy

    public init(name: String, selector: Selector, numa: NUMAPolicy = .none) {
        self.name = name
        self.selector = selector
        self.numa = numa
    }
}
