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

    public static func rule(for field: CodingKeys) -> FieldRule {
        switch field {
        case .pool: .line(Pool.nameLengths)
        case .count: .number(1...RequestLimits.functions, code: "count-out-of-range")
        case .devices: .list(1...RequestLimits.devices, of: .document(Device.self))
        case .owner: .value(OwnerName.self)
        case .numa: .value(NUMAPolicy.self)
        case .spread: .one(of: Spread.self)
        case .mac: .value(MACAddress.self)
        case .vlan: .vlan
        case .qos: .number(VLANTag.priorities)
        case .vlanProtocol: .one(of: VLANProtocol.self)
        case .trust, .spoofCheck: .flag
        case .linkState: .one(of: VFSettings.LinkState.self)
        case .minTxRate, .maxTxRate: .number(VFSettings.rates)
        case .name: .value(DeviceName.self)
        case .ttlSeconds: .number(RequestLimits.life)
        case .waitSeconds: .number(RequestLimits.patience)
        }
    }

    public static var needs: [String: String] { Device.needs }

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

        public static func rule(for field: CodingKeys) -> FieldRule {
            switch field {
            case .pool: .line(Pool.nameLengths)
            case .name: .value(DeviceName.self)
            case .mac: .value(MACAddress.self)
            case .vlan: .vlan
            case .qos: .number(VLANTag.priorities)
            case .vlanProtocol: .one(of: VLANProtocol.self)
            case .trust, .spoofCheck: .flag
            case .linkState: .one(of: VFSettings.LinkState.self)
            case .minTxRate, .maxTxRate: .number(VFSettings.rates)
            }
        }

        /// The kernel sets the parts of a VLAN tag only together.
        public static var needs: [String: String] { ["qos": "vlan", "vlanProtocol": "vlan"] }

        /// Everything else is set afterwards.
        public init(pool: String) { self.pool = pool }
    }

    /// Everything else is set afterwards.
    public init(pool: String? = nil) { self.pool = pool }

    /// - Throws: ``MalformedDocument`` if it is not given.
    public func patience() throws(MalformedDocument) -> Duration {
        guard let waitSeconds else {
            throw MalformedDocument(field: "waitSeconds", problem: "this field is required")
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
    /// - Throws: ``MalformedDocument`` for neither and for both, and for settings that contradict each other.
    public func parts() throws(MalformedDocument) -> [Part] {
        let own = try Self.settings(self, at: "")
        guard let devices else {
            guard let pool else {
                throw MalformedDocument(field: "pool", problem: "give a pool, or 'devices' that name one each")
            }
            if name != nil, let count, count > 1 {
                throw MalformedDocument(field: "name", problem: "\(count) functions cannot have one name")
            }
            return [Part(pool: pool, count: count ?? 1, name: name, settings: own)]
        }
        guard pool == nil, count == nil, name == nil, own.isEmpty else {
            throw MalformedDocument(
                field: "devices",
                problem: "not together with a pool, a count, a name or settings: each device has its own")
        }
        guard (1...RequestLimits.devices).contains(devices.count) else {
            throw MalformedDocument(field: "devices", problem: "give 1 to \(RequestLimits.devices) devices")
        }
        var parts: [Part] = []
        for (index, device) in devices.enumerated() {
            if let name = device.name, parts.contains(where: { $0.name == name }) {
                throw MalformedDocument(
                    field: "devices[\(index)].name", problem: "two devices cannot have the name '\(name)'")
            }
            let settings = try Self.settings(device, at: "devices[\(index)].")
            parts.append(Part(pool: device.pool, count: 1, name: device.name, settings: settings))
        }
        return parts
    }

    /// The rules of the fields leave one contradiction: a minimum rate above the maximum.
    private static func settings(
        _ asked: some VFSettingsRequest, at path: String
    ) throws(MalformedDocument) -> VFSettings {
        do throws(MalformedValue) { return try asked.settings() } catch {
            throw MalformedDocument(field: path + "minTxRate", problem: error.message, kind: .unprocessable)
        }
    }
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

    public static func rule(for field: CodingKeys) -> FieldRule {
        switch field {
        case .claims: .list(0...RequestLimits.functions, of: .line(RequestLimits.name))
        case .owner: .value(OwnerName.self)
        case .generation: .number(RequestLimits.whole)
        }
    }

    public init(claims: [String], owner: String?, generation: Int? = nil) {
        self.claims = claims
        self.owner = owner
        self.generation = generation
    }

    /// - Throws: ``MalformedDocument`` for a generation of more than one claim.
    public func checkedGeneration() throws(MalformedDocument) -> Int? {
        guard generation != nil, claims.count != 1 || owner != nil else { return generation }
        throw MalformedDocument(field: "generation", problem: "it needs exactly one claim, and no owner")
    }
}

/// `POST /v1/claims/renew`
public struct RenewRequest: RequestDocument {
    public var claims: [String]

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case claims
    }

    public static func rule(for field: CodingKeys) -> FieldRule {
        switch field {
        case .claims: .list(0...RequestLimits.functions, of: .line(RequestLimits.name))
        }
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

    public static func rule(for field: CodingKeys) -> FieldRule {
        switch field {
        case .claim, .device: .line(RequestLimits.name)
        case .function: .value(PCIAddress.self)
        case .here: .flag
        }
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
