// SPDX-License-Identifier: GPL-3.0-or-later

/// A kernel module that is a VFIO driver for certain functions: one `vfio_pci:` line of modules.alias.
///
/// Source: `do_pci_entry`, scripts/mod/file2alias.c; `pci_driver_override_device_vfio`, include/linux/pci.h.
public struct VFIOVariant: Hashable, Sendable {
    /// As in modules.alias, with underscores.
    public let module: String
    /// Vendor, device, subsystem vendor and device, base class, subclass, interface; nil matches any.
    let pattern: [UInt32?]

    private static let keys = ["v", "d", "sv", "sd", "bc", "sc", "i"]

    /// Reads `alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_vfio_pci`.
    ///
    /// - Returns: nil for any other line.
    public init?(aliasLine line: some StringProtocol) {
        let words = line.split(separator: " ")
        guard words.count == 3, words[0] == "alias", words[1].hasPrefix("vfio_pci:") else { return nil }
        var rest = words[1].dropFirst("vfio_pci:".count)
        var pattern: [UInt32?] = []
        for key in Self.keys {
            guard rest.hasPrefix(key) else { return nil }
            rest = rest.dropFirst(key.count)
            if rest.first == "*" {
                rest = rest.dropFirst()
                pattern.append(nil)
            } else {
                // Digits are in upper case, keys in lower case.
                let digits = rest.prefix { $0.isNumber || $0.isUppercase }
                guard let value = UInt32(digits, radix: 16) else { return nil }
                rest = rest.dropFirst(digits.count)
                pattern.append(value)
            }
        }
        guard rest.isEmpty else { return nil }
        self.pattern = pattern
        module = String(words[2])
    }

    func matches(_ identity: Identity) -> Bool {
        func part(_ shift: UInt32) -> UInt32? { identity.classCode.map { $0 >> shift & 0xff } }
        let ids = [identity.vendor, identity.device, identity.subsystemVendor, identity.subsystemDevice]
        let values = ids.map { $0.map { UInt32($0) } } + [part(16), part(8), part(0)]
        return zip(pattern, values).allSatisfy { $0 == nil || $0 == $1 }
    }

    private var wildcards: Int { pattern.count { $0 == nil } }

    /// The most specific module for the function; nil if none matches.
    ///
    /// The pattern with the fewest wildcards wins, as in libvirt.
    public static func best(for identity: Identity, among variants: [VFIOVariant]) -> VFIOVariant? {
        variants.filter { $0.matches(identity) }.min { $0.wildcards < $1.wildcards }
    }
}
