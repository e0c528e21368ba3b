// SPDX-License-Identifier: GPL-3.0-or-later

/// A named demand held by an owner, for one or more functions of a pool.
public struct Claim: Hashable, Sendable {
    /// Unique on the host for ever: `c` and a number.
    public let id: String
    /// Grows whenever a guest begins to use it: an operation that carries an older one changes nothing.
    public var generation: Int
    public var pool: String
    public var owner: Owner
    /// What a person calls the owner: a domain's name at the time of the claim.
    public var ownerName: String
    public var numa: NUMAPolicy
    public var state: State
    /// Seconds since 1970.
    public var createdAt: Int
    /// The user who made it; nil for the daemon itself, and in what version 0.1 wrote.
    public var uid: Int?
    /// How long it lives unless it is renewed; nil for one that lives until it is released.
    public var life: Life?
    /// Set while it is in use.
    public var use: Use?
    public var assignments: [Assignment]

    /// By the clock that counts from the boot, suspended time with it: nobody can set that one.
    public struct Life: Hashable, Sendable {
        /// In seconds; each renewal gives as many again.
        public let seconds: Int
        /// When it ends, in seconds since the boot.
        public let endsAt: Int

        public init(seconds: Int, endsAt: Int) {
            self.seconds = seconds
            self.endsAt = endsAt
        }
    }

    /// A guest has the claim's functions, or is about to.
    public struct Use: Hashable, Sendable {
        /// The boot it began in: no guest outlives that.
        public let bootID: String
        /// In seconds since that boot.
        public let since: Int

        /// Longer than libvirt takes from its hook's `prepare` to a QEMU that has the group open: until then nothing on
        /// the host shows that the functions are needed. In seconds.
        public static let startTime = 60

        public init(bootID: String, since: Int) {
            self.bootID = bootID
            self.since = since
        }

        /// Whether the guest may still be on its way to open the functions.
        public func isStarting(bootID: String, sinceBoot: Int) -> Bool {
            bootID == self.bootID && sinceBoot < since + Self.startTime
        }
    }

    /// The states of a claim. `pending` and `releasing` are the states in which the host is being changed.
    public enum State: String, Hashable, Sendable, Codable {
        case pending, bound, inUse, releasing, released

        /// Whether its functions are its owner's and ready.
        public var isHeld: Bool { self == .bound || self == .inUse }
    }

    public init(
        id: String, generation: Int = 1, pool: String, owner: Owner, ownerName: String, numa: NUMAPolicy,
        state: State, createdAt: Int, uid: Int? = nil, life: Life? = nil, use: Use? = nil,
        assignments: [Assignment]
    ) {
        self.id = id
        self.generation = generation
        self.pool = pool
        self.owner = owner
        self.ownerName = ownerName
        self.numa = numa
        self.state = state
        self.createdAt = createdAt
        self.uid = uid
        self.life = life
        self.use = use
        self.assignments = assignments
    }
}

/// The function that satisfies one slot of a claim.
public struct Assignment: Hashable, Sendable {
    /// The device's name in the owner's domain, unique on the host; the alias is `ua-buslane-NAME`.
    public let name: String
    public let address: PCIAddress
    /// Its place on its PF when it is a VF.
    public let virtualFunction: VirtualFunction?
    /// This boot's group; meaningless under another boot id.
    public let iommuGroup: Int
    public let numaNode: Int?
    /// Whether it is a network function, which libvirt takes as an interface.
    public let isNetwork: Bool
    /// What its owner asked for.
    public let settings: VFSettings
    /// How the function was found: what a release puts back.
    public let original: OriginalState
    /// The name of the device that it comes with, being of the same card and IOMMU group; nil for what was asked for.
    public let companionOf: String?

    public init(
        name: String, address: PCIAddress, virtualFunction: VirtualFunction?, iommuGroup: Int, numaNode: Int?,
        isNetwork: Bool, settings: VFSettings, original: OriginalState, companionOf: String? = nil
    ) {
        self.companionOf = companionOf
        self.name = name
        self.address = address
        self.virtualFunction = virtualFunction
        self.iommuGroup = iommuGroup
        self.numaNode = numaNode
        self.isNetwork = isNetwork
        self.settings = settings
        self.original = original
    }
}

/// What a function was like before its owner had it.
public struct OriginalState: Hashable, Sendable, Codable {
    public var driver: String?
    public var driverOverride: String?
    /// nil for a function whose PF has no network interface.
    public var settings: VFSettings?

    public init(driver: String?, driverOverride: String?, settings: VFSettings? = nil) {
        self.driver = driver
        self.driverOverride = driverOverride
        self.settings = settings
    }
}
