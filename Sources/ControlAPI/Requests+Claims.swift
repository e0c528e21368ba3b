// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// Settings of a VF that a caller can request, under the names of the API.
protocol VFSettingsRequest {
    var mac: MACAddress? { get }
    var vlan: VLANID? { get }
    /// The VLAN's priority, 0 to 7.
    var qos: Int? { get }
    var vlanProtocol: VLANProtocol? { get }
    var trust: Bool? { get }
    var spoofCheck: Bool? { get }
    var linkState: VFSettings.LinkState? { get }
    /// Mbit/s; 0 is none.
    var minTxRate: Int? { get }
    /// Mbit/s; 0 is no limit.
    var maxTxRate: Int? { get }
}

extension VFSettingsRequest {
    /// The requested settings.
    ///
    /// - Throws: `MalformedValue` for a priority or protocol without a VLAN, and for numbers that no kernel takes.
    func settings() throws(MalformedValue) -> VFSettings {
        try VFSettings(
            mac: mac, vlan: vlan, qos: qos, vlanProtocol: vlanProtocol, trust: trust, spoofCheck: spoofCheck,
            linkState: linkState, minTxRate: minTxRate, maxTxRate: maxTxRate)
    }
}

/// `POST /v1/claims`
public struct AllocateRequest: RequestDocument, VFSettingsRequest {
    /// Left out where `devices` are given.
    public var pool: String?
    /// nil: 1.
    public var count: Int?
    /// Several devices, of one pool or of several: all of them or none, placed together, a claim each.
    public var devices: [Device]?
    /// `domain:NAME`, `domain:UUID`, or any name. nil: the caller's user name.
    public var owner: String?
    public var numa: NUMAPolicy?
    /// nil: the pool's.
    public var spread: Spread?
    public var mac: MACAddress?
    public var vlan: VLANID?
    /// The VLAN's priority, 0 to 7.
    public var qos: Int?
    public var vlanProtocol: VLANProtocol?
    public var trust: Bool?
    public var spoofCheck: Bool?
    public var linkState: VFSettings.LinkState?
    /// Mbit/s; 0 is none.
    public var minTxRate: Int?
    /// Mbit/s; 0 is no limit.
    public var maxTxRate: Int?
    /// The device's name in the owner's domain.
    public var name: String?
    /// Released after this time unless renewed; nil: never.
    public var ttlSeconds: Int?
    /// How long to wait, for the route that waits.
    public var waitSeconds: Int?

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case pool, count, devices, owner, numa, spread, mac, vlan, qos, vlanProtocol, trust, spoofCheck
        case linkState, minTxRate, maxTxRate, name, ttlSeconds, waitSeconds
    }

    public static var documents: [String: any RequestDocument.Type] { ["devices": Device.self] }

    /// One of several devices.
    public struct Device: RequestDocument, VFSettingsRequest {
        public var pool: String
        /// Its name in the owner's domain.
        public var name: String?
        public var mac: MACAddress?
        public var vlan: VLANID?
        public var qos: Int?
        public var vlanProtocol: VLANProtocol?
        public var trust: Bool?
        public var spoofCheck: Bool?
        public var linkState: VFSettings.LinkState?
        public var minTxRate: Int?
        public var maxTxRate: Int?

        public enum CodingKeys: String, CodingKey, CaseIterable {
            case pool, name, mac, vlan, qos, vlanProtocol, trust, spoofCheck, linkState, minTxRate, maxTxRate
        }

        /// Everything else is set afterwards.
        public init(pool: String) { self.pool = pool }
    }

    /// Everything else is set afterwards.
    public init(pool: String? = nil) { self.pool = pool }

    /// - Throws: `MalformedValue` for less than a second, and for more than a year.
    public func life() throws(MalformedValue) -> Int? {
        guard let ttlSeconds, !(1...31_536_000).contains(ttlSeconds) else { return ttlSeconds }
        throw MalformedValue(kind: "time to live", text: String(ttlSeconds), expected: "1 to 31536000 seconds")
    }

    /// - Throws: `MalformedValue` for no time at all, and for more than a day.
    public func patience() throws(MalformedValue) -> Duration {
        guard let waitSeconds, (1...86400).contains(waitSeconds) else {
            throw MalformedValue(
                kind: "time to wait", text: waitSeconds.map(String.init) ?? "", expected: "1 to 86400 seconds")
        }
        return .seconds(waitSeconds)
    }
}

extension AllocateRequest {
    /// A request to one pool.
    public struct Part: Sendable {
        public let pool: String
        public let count: Int
        public let name: String?
        public let settings: VFSettings
    }

    /// The requests to single pools: one, or one for each device.
    ///
    /// - Throws: `MalformedValue` for neither and for both, and for settings that no kernel takes.
    public func parts() throws(MalformedValue) -> [Part] {
        guard let devices else {
            guard let pool else {
                throw MalformedValue(kind: "request", text: "", expected: "a 'pool', or 'devices' that name one each")
            }
            let count = count ?? 1
            return [Part(pool: pool, count: count, name: count == 1 ? name : nil, settings: try settings())]
        }
        let ownWishes = try settings()
        guard pool == nil, count == nil, name == nil, ownWishes.isEmpty else {
            throw MalformedValue(
                kind: "request", text: pool ?? name ?? "", expected: "'devices' alone: each names its pool and settings"
            )
        }
        guard (1...Self.deviceLimit).contains(devices.count) else {
            throw MalformedValue(
                kind: "number of devices", text: String(devices.count), expected: "1 to \(Self.deviceLimit)")
        }
        var parts: [Part] = []
        for device in devices {
            parts.append(Part(pool: device.pool, count: 1, name: device.name, settings: try device.settings()))
        }
        return parts
    }

    /// More than any guest has slots for.
    private static let deviceLimit = 64
}

/// `POST /v1/claims/release`: these claims, or all of one owner.
public struct ReleaseRequest: RequestDocument {
    public var claims: [String]
    public var owner: String?
    /// Of one claim: the generation that the caller knows. If the claim has a later one, nothing is released.
    public var generation: Int?

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case claims, owner, generation
    }

    public init(claims: [String], owner: String?, generation: Int? = nil) {
        self.claims = claims
        self.owner = owner
        self.generation = generation
    }

    /// - Throws: `MalformedValue` for a generation of more than one claim.
    public func checkedGeneration() throws(MalformedValue) -> Int? {
        guard let generation, claims.count != 1 || owner != nil else { return generation }
        throw MalformedValue(kind: "generation", text: String(generation), expected: "one claim to be given with it")
    }
}

/// `POST /v1/claims/renew`
public struct RenewRequest: RequestDocument {
    public var claims: [String]

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case claims
    }

    public init(claims: [String]) { self.claims = claims }
}

/// `POST /v1/claims/rebind`: which function a claim has whose card is in doubt or away.
public struct RebindRequest: RequestDocument {
    public var claim: String
    /// The function, or for a VF its PF. Left out with `here`.
    public var function: PCIAddress?
    /// Of a claim with several devices in doubt: the one that has the function.
    public var device: String?
    /// The card that is at the recorded address is the one that is meant.
    public var here: Bool?

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case claim, function, device, here
    }

    public init(claim: String, target: Rebinding.Target) {
        self.claim = claim
        switch target {
        case .here: here = true
        case .function(let address, let device):
            function = address
            self.device = device
        }
    }

    /// - Throws: `MalformedValue` for neither a function nor `here`, for both, and for a device without a function.
    public func target() throws(MalformedValue) -> Rebinding.Target {
        switch (function, here ?? false) {
        case (let address?, false): return .function(address, device: device)
        case (nil, true) where device == nil: return .here
        default:
            throw MalformedValue(
                kind: "request", text: function?.description ?? device ?? "",
                expected: "a 'function', with a 'device' if you like, or 'here': true")
        }
    }
}
