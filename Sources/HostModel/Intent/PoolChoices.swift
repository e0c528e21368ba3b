// SPDX-License-Identifier: GPL-3.0-or-later

/// The settings that a claim of a pool may name. They bind all but root and those who may change domains: these can give
/// a guest any setting without Buslane too.
///
/// The defaults allow what does no harm to others. What the pool's own defaults say may always be named.
public struct PoolChoices: Hashable, Sendable {
    /// nil for any VLAN, or only for the pool's default one if it has one.
    public var vlans: VLANRanges?
    /// A MAC address.
    public var mac: Bool
    /// A guest with trust can change its MAC address and see other guests' frames.
    public var trust: Bool
    /// A guest without the check can send frames in others' names.
    public var spoofCheckOff: Bool
    /// A guaranteed rate, which takes bandwidth from others, and a limit above the pool's default one.
    public var rates: Bool

    public init(
        vlans: VLANRanges? = nil, mac: Bool = true, trust: Bool = false, spoofCheckOff: Bool = false,
        rates: Bool = false
    ) {
        self.vlans = vlans
        self.mac = mac
        self.trust = trust
        self.spoofCheckOff = spoofCheckOff
        self.rates = rates
    }
}

/// VLAN ids; 0 stands for no VLAN: `0,100-199`.
public struct VLANRanges: Hashable, Sendable, TextCodable {
    public let ranges: [ClosedRange<Int>]

    /// - Throws: ``MalformedValue`` for a text that is not a list of numbers and ranges up to 4094.
    public init(_ text: String) throws(MalformedValue) {
        guard let read = try? VFRange(text), read.last <= VLANID.range.upperBound else {
            throw MalformedValue(
                kind: "list of VLANs", text: text,
                expected: "ids and ranges up to \(VLANID.range.upperBound), like 100-199,300; 0 for no VLAN")
        }
        ranges = read.ranges
    }

    public func contains(_ choice: VFSettings.VLANChoice) -> Bool {
        let id =
            switch choice {
            case .none: 0
            case .tag(let tag): Int(tag.id.rawValue)
            }
        return ranges.contains { $0.contains(id) }
    }

    public var description: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
    }
}

extension Pool {
    /// A setting that may not be chosen, and the key of the pool's `choices` that would allow it.
    struct Denial: Equatable {
        let setting: VFSettings
        let key: String
    }

    /// The first of a claim's settings that its user may not choose; nil if all may be chosen.
    func denial(of chosen: VFSettings) -> Denial? {
        if let vlan = chosen.vlan, vlan != defaults.vlan, !admits(vlan) {
            let id = if case .tag(let tag) = vlan { tag.id.description } else { "0" }
            return Denial(setting: VFSettings(vlan: vlan), key: "vlans: \"\(id)\"")
        }
        if chosen.mac != nil, !choices.mac { return Denial(setting: VFSettings(mac: chosen.mac), key: "mac: true") }
        if chosen.trust == true, defaults.trust != true, !choices.trust {
            return Denial(setting: VFSettings(trust: true), key: "trust: true")
        }
        if chosen.spoofCheck == false, defaults.spoofCheck != false, !choices.spoofCheckOff {
            return Denial(setting: VFSettings(spoofCheck: false), key: "spoofCheckOff: true")
        }
        if choices.rates { return nil }
        if let rate = chosen.minTxRateMbps, rate > 0, rate != defaults.minTxRateMbps {
            return Denial(setting: VFSettings(minTxRateMbps: rate), key: "rates: true")
        }
        // 0 is no limit.
        if let limit = defaults.maxTxRateMbps, limit > 0, let rate = chosen.maxTxRateMbps, rate == 0 || rate > limit {
            return Denial(setting: VFSettings(maxTxRateMbps: rate), key: "rates: true")
        }
        return nil
    }

    /// Whether another VLAN than the default one may be chosen. A provider's tag would let the guest choose the tag that
    /// some switches go by.
    private func admits(_ vlan: VFSettings.VLANChoice) -> Bool {
        guard let allowed = choices.vlans else { return defaults.vlan == nil }
        if case .tag(let tag) = vlan, tag.protocol != .dot1Q { return false }
        return allowed.contains(vlan)
    }
}
