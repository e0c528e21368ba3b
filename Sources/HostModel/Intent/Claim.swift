// SPDX-License-Identifier: GPL-3.0-or-later

/// One or more functions of a pool, held by an owner.
public struct Claim: Hashable, Sendable {
    /// `c` and a number. Never used again on the host.
    public let id: String
    /// Increases each time a guest begins to use the claim. An operation with an older generation changes nothing.
    public var generation: Int
    public var pool: String
    public var owner: Owner
    /// The owner's name for people: a domain's name at the time of the claim.
    public var ownerName: String
    public var numa: NUMAPolicy
    public var state: State
    /// Seconds since 1970.
    public var createdAt: Int
    /// The user that made it; nil for the daemon itself, and in records of version 0.1.
    public var uid: Int?
    /// When it expires; nil for a claim that lives until it is released.
    public var life: Life?
    /// Set while the claim is `inUse`.
    public var use: Use?
    public var assignments: [Assignment]

    /// A limited life. It is measured by the clock that starts at boot and includes suspended time, which nobody can set.
    public struct Life: Hashable, Sendable {
        /// In seconds. A renewal restarts it.
        public let seconds: Int
        /// When the claim expires, in seconds since the boot.
        public let endsAt: Int

        public init(seconds: Int, endsAt: Int) {
            self.seconds = seconds
            self.endsAt = endsAt
        }
    }

    /// A guest that has the claim's functions or is about to open them.
    public struct Use: Hashable, Sendable {
        /// The boot in which it began. No guest survives a reboot.
        public let bootID: String
        /// In seconds since that boot.
        public let since: Int

        /// In seconds: longer than libvirt takes from its hook's `prepare` until QEMU has opened the group. Until then nothing
        /// on the host shows that the functions are needed.
        public static let startTime = 60

        public init(bootID: String, since: Int) {
            self.bootID = bootID
            self.since = since
        }

        /// Whether the guest may still be starting, and has not opened the functions yet.
        public func isStarting(bootID: String, sinceBoot: Int) -> Bool {
            bootID == self.bootID && sinceBoot < since + Self.startTime
        }
    }

    /// The states of a claim. In `pending` and `releasing` the host is being changed for it.
    public enum State: String, Hashable, Sendable, Codable {
        case pending, bound, inUse, releasing, released

        /// Whether the owner has the functions, and they are ready.
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

/// A function of a claim.
public struct Assignment: Hashable, Sendable {
    /// The device's name in the owner's domain, unique for the owner. The alias is `ua-buslane-NAME`.
    public let name: String
    public let address: PCIAddress
    /// Its PF and index; nil if it is not a VF.
    public let virtualFunction: VirtualFunction?
    /// The IOMMU group's number in this boot; meaningless in another boot.
    public let iommuGroup: Int
    public let numaNode: Int?
    /// Whether it is an Ethernet function that libvirt can treat as an interface: of a VF, whose PF sets its MAC address.
    public let isNetwork: Bool
    /// The settings that the PF enforces for it in this claim.
    public let settings: VFSettings
    /// The state in which the function was found. A release restores it.
    public let original: OriginalState
    /// For a companion, the name of the device that it accompanies; nil for a function that was asked for.
    public let companionOf: String?
    /// What its PF is, or the function itself if it is not a VF; nil if that is not known.
    public let card: CardIdentity?
    /// The addresses that the claim's function had before: it moved with its card, or an operator named another one.
    public let formers: [PCIAddress]

    public init(
        name: String, address: PCIAddress, virtualFunction: VirtualFunction?, iommuGroup: Int, numaNode: Int?,
        isNetwork: Bool, settings: VFSettings, original: OriginalState, companionOf: String? = nil,
        card: CardIdentity? = nil, formers: [PCIAddress] = []
    ) {
        self.formers = formers
        self.companionOf = companionOf
        self.card = card
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

/// The state of a function before it was claimed.
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
