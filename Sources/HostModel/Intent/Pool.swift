// SPDX-License-Identifier: GPL-3.0-or-later

/// A named supply: which functions may be handed out under the name, and what a claim gets when it says nothing.
public struct Pool: Hashable, Sendable {
    public let name: String
    public var selector: Selector
    /// The NUMA policy of a claim that names none.
    public var numa: NUMAPolicy
    /// How a claim that does not say is spread over cards.
    public var spread: Spread
    /// Which card comes first where nothing else decides.
    public var order: Order
    /// No other pool may have a function of this one.
    public var isExclusive: Bool
    /// Who may claim from it; nil lets everybody who may use the daemon's socket.
    public var access: Access?
    /// How many live claims of it one owner may have, and one user; nil sets no limit.
    public var maxClaims: Int?
    /// What a VF of the pool gets where its claim says nothing; never a MAC address.
    public var defaults: VFSettings
    /// Where it stands, for messages: `buslane.yaml:3:5`. nil when it comes from no file.
    public var place: String?

    /// Which of several cards a claim's functions come from.
    public enum Order: String, Hashable, Sendable, Codable, CaseIterable {
        /// The lowest address.
        case address
        /// The card that is used most already: others stay free for claims that need a whole one.
        case pack
        /// The card with the most bandwidth left.
        case spread
    }

    public init(
        name: String, selector: Selector, numa: NUMAPolicy = .none, spread: Spread = .any, order: Order = .address,
        isExclusive: Bool = false, access: Access? = nil, maxClaims: Int? = nil,
        defaults: VFSettings = VFSettings(), place: String? = nil
    ) {
        self.name = name
        self.selector = selector
        self.numa = numa
        self.spread = spread
        self.order = order
        self.isExclusive = isExclusive
        self.access = access
        self.maxClaims = maxClaims
        self.defaults = defaults
        self.place = place
    }
}
