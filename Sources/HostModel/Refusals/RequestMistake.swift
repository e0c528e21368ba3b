// SPDX-License-Identifier: GPL-3.0-or-later

/// What is wrong with a request for functions.
public enum RequestMistake: Hashable, Sendable {
    case countOutOfRange(Int)
    case macNeedsOneFunction(count: Int)
    /// Zero or multicast.
    case badMAC(MACAddress)
    case unknownProcess(Int)
    /// The owner has a device of this name.
    case deviceNameTaken(String, owner: String, claim: String)
    /// A VF of another owner on the same PF has the address.
    case macInUse(MACAddress, physicalFunction: PCIAddress, claim: String, owner: String)
}

extension RequestMistake {
    var report: ErrorReport {
        switch self {
        case .countOutOfRange(let count):
            ErrorReport(
                .malformed, "count-out-of-range", count,
                "cannot allocate \(count) functions: the count must be at least 1")
        case .macNeedsOneFunction(let count):
            ErrorReport(
                .malformed, "mac-needs-one-function", count, "cannot give one MAC address to \(count) functions",
                remedy: "allocate one function for each MAC address")
        case .badMAC(let mac):
            ErrorReport(
                .malformed, "bad-mac", mac,
                "a VF cannot have the MAC address \(mac): it is \(mac.isZero ? "zero" : "multicast")",
                remedy: "choose one whose first byte is even, as 52:54:00:…")
        case .unknownProcess(let pid):
            ErrorReport(
                .notFound, "unknown-process", pid, "there is no process \(pid)",
                remedy: "name a process that runs; $$ is the shell's own")
        case .deviceNameTaken(let name, let owner, let claim):
            ErrorReport(
                .conflict, "device-name-taken", name, "\(owner) has a device '\(name)' already, in claim \(claim)",
                remedy: "choose another name, or buslane release \(claim)")
        case .macInUse(let mac, let pf, let claim, let owner):
            ErrorReport(
                .conflict, "mac-in-use", mac,
                "cannot give \(mac) to a VF of \(pf): claim \(claim) of \(owner) has it on that PF",
                remedy: "choose another MAC address, or buslane release \(claim)")
        }
    }
}
