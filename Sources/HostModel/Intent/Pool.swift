// SPDX-License-Identifier: GPL-3.0-or-later

/// A named supply: which functions may be handed out under the name, and what a claim gets when it says nothing.
public struct Pool: Hashable, Sendable {
    public let name: String
    public var selector: Selector
    /// The NUMA policy of a claim that names none.
    public var numa: NUMAPolicy
    /// No other pool may have a function of this one.
    public var isExclusive: Bool
    /// What a VF of the pool gets where its claim says nothing; never a MAC address.
    public var defaults: VFSettings
    /// Where it stands, for messages: `buslane.yaml:3:5`. nil when it comes from no file.
    public var place: String?

    public init(
        name: String, selector: Selector, numa: NUMAPolicy = .none, isExclusive: Bool = false,
        defaults: VFSettings = VFSettings(), place: String? = nil
    ) {
        self.name = name
        self.selector = selector
        self.numa = numa
        self.isExclusive = isExclusive
        self.defaults = defaults
        self.place = place
    }
}
