// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension VFSettings {
    /// The settings that several VFs can have in common, as they are written in a file.
    static let sharedKeys = [
        "vlan", "qos", "protocol", "trust", "spoofCheck", "linkState", "minTxRate", "maxTxRate",
    ]
}

extension PoolChoices {
    static let keys = ["vlans", "mac", "trust", "spoofCheckOff", "rates"]
}

extension YAMLCursor {
    /// - Parameter keys: the values of this mapping, as far as they are among ``VFSettings/sharedKeys``.
    func settings(_ keys: [String: YAMLCursor]) throws(ConfigurationError) -> VFSettings {
        // 32 bits in the kernel. Source: `ifla_vf_rate`, include/uapi/linux/if_link.h.
        func rate(_ key: String) -> Int? {
            keys[key]?.attempt { (rate) throws(ConfigurationError) in try rate.integer(in: VFSettings.rates) }
        }
        let settings = VFSettings(
            vlan: attempt { (_) throws(ConfigurationError) in try vlan(keys) } ?? nil,
            trust: keys["trust"]?.attempt { (trust) throws(ConfigurationError) in try trust.bool() },
            spoofCheck: keys["spoofCheck"]?.attempt { (check) throws(ConfigurationError) in try check.bool() },
            linkState: keys["linkState"]?.attempt { (state) throws(ConfigurationError) in
                try state.word(VFSettings.LinkState.self, "a link state")
            },
            minTxRateMbps: rate("minTxRate"), maxTxRateMbps: rate("maxTxRate"))
        if let min = settings.minTxRateMbps, let max = settings.maxTxRateMbps, max > 0, min > max {
            throw (keys["minTxRate"] ?? self).fail("the minimum of \(min) Mbit/s is above the maximum of \(max)")
        }
        return settings
    }

    /// `vlan` with its priority and protocol; 0 is no VLAN.
    private func vlan(_ keys: [String: YAMLCursor]) throws(ConfigurationError) -> VFSettings.VLANChoice? {
        let number = try keys["vlan"]?.integer(in: 0...VLANID.range.upperBound)
        guard let number, let id = VLANID(number) else {
            for key in ["qos", "protocol"] {
                if let extra = keys[key] { throw extra.fail("'\(key)' needs a VLAN, and none is set") }
            }
            return number.map { _ in VFSettings.VLANChoice.none }
        }
        return .tag(
            VLANTag(
                id, qos: try keys["qos"]?.integer(in: VLANTag.priorities) ?? 0,
                protocol: try keys["protocol"]?.word(VLANProtocol.self, "a VLAN protocol") ?? .dot1Q))
    }

    /// Names of users and groups.
    func access() throws(ConfigurationError) -> Access {
        let keys = try mapping(of: ["users", "groups"])
        func names(_ key: String) -> [String] {
            keys[key]?.attempt { (list) throws(ConfigurationError) in
                try list.each { (item) throws(ConfigurationError) in try item.string() }
            } ?? []
        }
        return Access(users: names("users"), groups: names("groups"))
    }

    /// The settings that a claim may name.
    func poolChoices() throws(ConfigurationError) -> PoolChoices {
        let keys = try mapping(of: PoolChoices.keys)
        func choice(_ key: String) -> Bool? {
            keys[key]?.attempt { (choice) throws(ConfigurationError) in try choice.bool() }
        }
        let standard = PoolChoices()
        return PoolChoices(
            vlans: keys["vlans"]?.attempt { (ranges) throws(ConfigurationError) in try ranges.vlanRanges() },
            mac: choice("mac") ?? standard.mac, trust: choice("trust") ?? standard.trust,
            spoofCheckOff: choice("spoofCheckOff") ?? standard.spoofCheckOff, rates: choice("rates") ?? standard.rates)
    }

    /// A MAC address that one VF can have.
    func stationMAC() throws(ConfigurationError) -> MACAddress {
        let mac = try value(MACAddress.self)
        guard !mac.isZero, !mac.isMulticast else { throw fail(Refusal.request(.badMAC(mac)).message) }
        return mac
    }
}
