// SPDX-License-Identifier: GPL-3.0-or-later

extension VFSettings {
    /// In Mbit/s. Source: `ifla_vf_rate`, include/uapi/linux/if_link.h.
    public static let rates = 0...Int(UInt32.max)

    /// The settings from separate values, as the command line, requests and domains give them.
    ///
    /// - Parameters:
    ///   - qos: the tag's priority, 0 to 7.
    ///   - minTxRate: in Mbit/s, like `maxTxRate`.
    /// - Throws: ``MalformedValue`` for a priority or protocol without a VLAN, and for numbers that the kernel does not
    ///   accept.
    public init(
        mac: MACAddress?, vlan: VLANID?, qos: Int?, vlanProtocol: VLANProtocol?, trust: Bool?, spoofCheck: Bool?,
        linkState: LinkState?, minTxRate: Int?, maxTxRate: Int?
    ) throws(MalformedValue) {
        func checked(_ number: Int?, _ kind: String, _ range: ClosedRange<Int>) throws(MalformedValue) -> Int? {
            guard let number, !range.contains(number) else { return number }
            throw MalformedValue(
                kind: kind, text: String(number), expected: "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        let priority = try checked(qos, "priority", VLANTag.priorities)
        if vlan == nil, let qos {
            throw MalformedValue(
                kind: "VLAN's priority", text: String(qos), expected: "a VLAN as well")
        }
        if vlan == nil, let vlanProtocol {
            throw MalformedValue(
                kind: "VLAN's protocol", text: vlanProtocol.rawValue, expected: "a VLAN as well")
        }
        let minimum = try checked(minTxRate, "rate", Self.rates)
        let maximum = try checked(maxTxRate, "rate", Self.rates)
        if let minimum, let maximum, maximum > 0, minimum > maximum {
            throw MalformedValue(
                kind: "minimum rate", text: String(minimum), expected: "no more than the maximum of \(maximum)")
        }
        self.init(
            mac: mac, vlan: vlan.map { .tag(VLANTag($0, qos: priority ?? 0, protocol: vlanProtocol ?? .dot1Q)) },
            trust: trust, spoofCheck: spoofCheck, linkState: linkState, minTxRateMbps: minimum, maxTxRateMbps: maximum)
    }
}
