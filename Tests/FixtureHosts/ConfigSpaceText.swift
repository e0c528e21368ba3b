// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation

/// Builds a config space from words of a fixture tree: `pcie=root-port acs=sv,rr,cr,uf msix=64 flr`.
///
/// Words: `pcie=KIND`, `multi`, `flr`, `af-flr`, `msix=N`, `acs=SUPPORTED[/ENABLED]` (`sv rr cr uf ec dt tb`, `all`,
/// `none`), `ats`, `pasid`, `ari`, `sriov`, `bytes=N` (the length of the file), `far` (the extended capabilities
/// are at the end), `asleep` (all ones).
package func configSpace(_ words: String) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 4096)
    var length: Int?
    var chain: [(id: UInt8, body: [UInt8])] = []
    var extended: [(id: UInt16, body: [UInt8])] = []
    var flr = false
    var port: UInt8?
    var first = 0x100
    for word in words.split(separator: " ") {
        let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
        let value = parts.count > 1 ? parts[1] : ""
        switch parts[0] {
        case "pcie":
            let kinds = [
                "endpoint": 0, "legacy-endpoint": 1, "root-port": 4, "upstream-port": 5, "downstream-port": 6,
                "pcie-to-pci-bridge": 7, "pci-to-pcie-bridge": 8, "integrated": 9, "event-collector": 10,
            ]
            guard let kind = kinds[value] else { throw CocoaError(.fileReadCorruptFile) }
            port = UInt8(kind)
        case "multi": bytes[0x0e] |= 0x80
        case "flr": flr = true
        case "af-flr": chain.append((0x13, [6, 3]))
        case "msix":
            let size = (Int(value) ?? 1) - 1
            chain.append((0x11, [UInt8(size & 0xff), UInt8(size >> 8)] + [UInt8](repeating: 0, count: 8)))
        case "acs":
            let sides = value.split(separator: "/").map(acsBits)
            extended.append((0x0d, [UInt8(sides[0]), 0, UInt8(sides.last ?? 0), 0]))
        case "ats": extended.append((0x0f, [0, 0, 0, 0]))
        case "pasid": extended.append((0x1b, [0, 0, 0, 0]))
        case "ari": extended.append((0x0e, [0, 0, 0, 0]))
        case "sriov": extended.append((0x10, [UInt8](repeating: 0, count: 60)))
        case "bytes": length = Int(value)
        case "far": first = 0xe00
        case "asleep": return [UInt8](repeating: 0xff, count: 4096)
        default: throw CocoaError(.fileReadCorruptFile, userInfo: [NSDebugDescriptionErrorKey: String(word)])
        }
    }
    if let port {
        chain.append((0x10, [port << 4 | 2, 0, 0, 0, 0, flr ? 0x10 : 0] + [UInt8](repeating: 0, count: 54)))
    }
    // Conventional capabilities from 0x40 on, 64 bytes each at most.
    if !chain.isEmpty { (bytes[0x06], bytes[0x34]) = (0x10, 0x40) }
    for (place, capability) in chain.enumerated() {
        let start = 0x40 + place * 0x40
        let next = place + 1 < chain.count ? UInt8(start + 0x40) : 0
        bytes.replaceSubrange(start..<start + 2 + capability.body.count, with: [capability.id, next] + capability.body)
    }
    // The first extended capability is always at 0x100: for `far` it is an empty one.
    if first != 0x100 { extended.insert((0x19, [0, 0, 0, 0]), at: 0) }
    var start = 0x100
    for (place, capability) in extended.enumerated() {
        let next = place + 1 < extended.count ? (place == 0 ? max(first, 0x140) : start + 0x40) : 0
        let header: [UInt8] = [
            UInt8(capability.id & 0xff), UInt8(capability.id >> 8), UInt8(1 | (next & 0xf) << 4), UInt8(next >> 4),
        ]
        bytes.replaceSubrange(start..<start + 4 + capability.body.count, with: header + capability.body)
        start = next
    }
    return Array(bytes.prefix(length ?? (port == nil ? 256 : 4096)))
}

private func acsBits(_ text: some StringProtocol) -> Int {
    if text == "all" { return 0x1d }
    let bits = ["sv": 1, "tb": 2, "rr": 4, "cr": 8, "uf": 16, "ec": 32, "dt": 64]
    return text.split(separator: ",").reduce(0) { $0 | (bits[String($1)] ?? 0) }
}
