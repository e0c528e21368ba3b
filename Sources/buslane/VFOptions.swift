// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import HostModel

/// What is asked for more rarely of a VF; the names are those of the configuration.
struct VFOptions: ParsableArguments {
    @Option(help: "The VLAN's priority, 0 to 7.") var qos: Int?
    @Option(help: "The VLAN's kind of tag: 802.1Q (default) or 802.1ad.", transform: parsedWord(VLANProtocol.self))
    var vlanProtocol: VLANProtocol?
    @Option(help: "Whether frames with another source MAC address are dropped: on or off.", transform: parsedSwitch)
    var spoofCheck: Bool?
    @Option(
        help: "The link that the guest sees: auto, enable or disable.",
        transform: parsedWord(VFSettings.LinkState.self))
    var linkState: VFSettings.LinkState?
    @Option(help: "The share of the wire that is kept for it, in Mbit/s.") var minTxRate: Int?
    @Option(help: "What it can send at most, in Mbit/s; 0 for no limit.") var maxTxRate: Int?
}

extension AllocateRequest.Device {
    /// Reads `NAME=POOL[,KEY=VALUE]…`, the keys being those of the configuration.
    init(option text: String) throws {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map {
            $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        }
        guard let first = parts.first, parts.allSatisfy({ $0.count == 2 && !$0[0].isEmpty && !$0[1].isEmpty }) else {
            throw ValidationError("'\(text)' is no device: NAME=POOL[,mac=M][,vlan=V]…")
        }
        self.init(pool: first[1])
        name = first[0]
        var seen: Set<String> = []
        for part in parts.dropFirst() {
            guard seen.insert(part[0]).inserted else { throw ValidationError("'\(text)' says \(part[0]) twice") }
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

/// A number of something.
private func parsedNumber(_ text: String) throws -> Int {
    guard let number = Int(text), number >= 0 else { throw ValidationError("'\(text)' is no number") }
    return number
}
