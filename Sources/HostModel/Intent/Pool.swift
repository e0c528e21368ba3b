// SPDX-License-Identifier: GPL-3.0-or-later

/// A named set of functions that can be claimed, with the defaults of its claims.
public struct Pool: Hashable, Sendable {
    /// Of a name, in Unicode scalars. Requests cannot have a longer one.
    public static let nameLengths = 1...255

    public let name: String
    public var selector: Selector
    /// The NUMA policy of a claim that names none.
    public var numa: NUMAPolicy
    /// The spread of a claim that names none.
    public var spread: Spread
    /// Which PF is preferred when nothing else decides.
    public var order: Order
    /// No other pool may contain a function of this one.
    public var isExclusive: Bool
    /// The users and groups that may claim from it; nil for every user of the daemon's socket.
    public var access: Access?
    /// How many functions the live claims of each owner, and of each user, may have in all; nil for no limit. Companions do
    /// not count.
    public var maxClaims: Int?
    /// The settings that a claim may name.
    public var choices: PoolChoices
    /// Settings of a VF that its claim does not name; never a MAC address.
    public var defaults: VFSettings
    /// Its place in the file, for messages: `buslane.yaml:3:5`. nil when it comes from no file.
    public var place: String?

    /// The order in which PFs are tried.
    public enum Order: String, Hashable, Sendable, Codable, CaseIterable {
        /// The lowest address first.
        case address
        /// The most used PF first: other PFs stay free for claims that need a whole one.
        case pack
        /// The PF with the most bandwidth left first.
        case spread
    }

    public init(
        name: String, selector: Selector, numa: NUMAPolicy = .none, spread: Spread = .any, order: Order = .address,
        isExclusive: Bool = false, access: Access? = nil, maxClaims: Int? = nil,
        choices: PoolChoices = PoolChoices(), defaults: VFSettings = VFSettings(), place: String? = nil
    ) {
        self.name = name
        self.selector = selector
        self.numa = numa
        self.spread = spread
        self.order = order
        self.isExclusive = isExclusive
        self.access = access
        self.maxClaims = maxClaims
        self.choices = choices
        self.defaults = defaults
        self.place = place
    }
}
