// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import HostModel

/// Rarer settings of a VF, under the names of the configuration.
struct VFOptions: ParsableArguments {
    @Option(help: "The VLAN's priority, 0 to 7.") var qos: Int?
    @Option(help: "The VLAN's tag: 802.1Q (default) or 802.1ad.", transform: parsedWord(VLANProtocol.self))
    var vlanProtocol: VLANProtocol?
    @Option(help: "Drop frames with another source MAC address: on or off.", transform: parsedSwitch)
    var spoofCheck: Bool?
    @Option(
        help: "The link that the guest sees: auto, enable or disable.",
        transform: parsedWord(VFSettings.LinkState.self))
    var linkState: VFSettings.LinkState?
    @Option(help: "Bandwidth reserved for sending, in Mbit/s.") var minTxRate: Int?
    @Option(help: "Limit for sending, in Mbit/s; 0 for no limit.") var maxTxRate: Int?
}

extension AllocateRequest.Device {
    /// Parses `NAME=POOL[,KEY=VALUE]…` with the keys of the configuration.
    init(option text: String) throws {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map {
            $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        }
        guard let first = parts.first, parts.allSatisfy({ $0.count == 2 && !$0[0].isEmpty && !$0[1].isEmpty }) else {
            throw ValidationError("'\(text)' is not a device: write NAME=POOL[,mac=M][,vlan=V]…")
        }
        self.init(pool: first[1])
        name = first[0]
        var seen: Set<String> = []
        for part in parts.dropFirst() {
            guard seen.insert(part[0]).inserted else { throw ValidationError("'\(text)' has \(part[0]) twice") }
            try set(part[0], to: part[1])
        }
    }

    private mutating func set(_ key: String, to value: String) throws {
        switch key {
        case "mac": mac = try parsedMAC(value)
        case "vlan": vlan = try parsed(VLANID.self)(value)
        case "qos": qos = try parsedNumber(value)
        case "vlanProtocol": vlanProtocol = try parsedWord(VLANProtocol.self)(value)
        case "trust": trust = try parsedSwitch(value)
        case "spoofCheck": spoofCheck = try parsedSwitch(value)
        case "linkState": linkState = try parsedWord(VFSettings.LinkState.self)(value)
        case "minTxRate": minTxRate = try parsedNumber(value)
        case "maxTxRate": maxTxRate = try parsedNumber(value)
        default:
            let known = [
                "mac", "vlan", "qos", "vlanProtocol", "trust", "spoofCheck", "linkState", "minTxRate", "maxTxRate",
            ]
            let meant = key.nearest(among: known).map { "; did you mean '\($0)'?" } ?? ""
            throw ValidationError("a device has no '\(key)': it has \(known.joined(separator: ", "))\(meant)")
        }
    }
}

/// A number, 0 or more.
private func parsedNumber(_ text: String) throws -> Int {
    guard let number = Int(text), number >= 0 else { throw ValidationError("'\(text)' is not a number") }
    return number
}
