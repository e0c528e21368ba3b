// SPDX-License-Identifier: GPL-3.0-or-later

/// A request for functions of a pool.
public struct ClaimRequest: Hashable, Sendable {
    public var pool: Pool
    public let count: Int
    public let owner: Owner
    public let ownerName: String
    public let numa: NUMAPolicy
    public let spread: Spread
    public let settings: VFSettings
    /// The user id of the caller; nil for the daemon itself.
    public let uid: Int?
    /// How long the claim lives unless it is renewed, in seconds; nil for a claim that never expires.
    public let ttl: Int?
    /// The device's name in the owner's domain, if the caller chose one; then `count` is 1.
    public let deviceName: String?

    /// - Parameters:
    ///   - numa: nil for the pool's policy.
    ///   - spread: nil for the pool's spread.
    public init(
        pool: Pool, count: Int = 1, owner: Owner, ownerName: String? = nil, numa: NUMAPolicy? = nil,
        spread: Spread? = nil, settings: VFSettings = VFSettings(), uid: Int? = nil, ttl: Int? = nil,
        deviceName: String? = nil
    ) {
        self.pool = pool
        self.count = count
        self.owner = owner
        self.ownerName = ownerName ?? owner.description
        self.numa = numa ?? pool.numa
        self.spread = spread ?? pool.spread
        self.settings = settings
        self.uid = uid
        self.ttl = ttl
        self.deviceName = deviceName
    }

    /// The same request for another number of functions, without a MAC address.
    func asking(for count: Int) -> ClaimRequest {
        var settings = settings
        settings.mac = nil
        return ClaimRequest(
            pool: pool, count: count, owner: owner, ownerName: ownerName, numa: numa, spread: spread,
            settings: settings, uid: uid, ttl: ttl)
    }

    /// The same request with another NUMA policy.
    func with(numa: NUMAPolicy) -> ClaimRequest {
        ClaimRequest(
            pool: pool, count: count, owner: owner, ownerName: ownerName, numa: numa, spread: spread,
            settings: settings, uid: uid, ttl: ttl, deviceName: deviceName)
    }
}
