// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// Reads from a PF's `resource` whether its VFs have addresses for their memory.
///
/// Source: `resource_show`, drivers/pci/pci-sysfs.c: a line for each resource, with its first and last address and its
/// flags, in hexadecimal; six BARs and the ROM, then the six BARs of the VFs (`PCI_IOV_RESOURCES`, include/linux/pci.h).
enum VFMemory {
    private static let barsOfVFs = 7...12

    /// - Returns: false when a BAR of the VFs has no address, or none has one: `sriov_enable` then refuses with ENOMEM. nil
    ///   for a text that is too short or is not in this form.
    static func isAssigned(_ text: Span<UInt8>) -> Bool? {
        var lines: [(start: UInt64, flags: UInt64)] = []
        var begin = 0
        for end in 0...text.count where end == text.count || text[end] == UInt8(ascii: "\n") {
            guard let line = line(text.extracting(begin..<end)) else { return nil }
            lines.append(line)
            begin = end + 1
        }
        guard lines.count > barsOfVFs.upperBound else { return nil }
        let used = lines[barsOfVFs].filter { $0.flags != 0 }
        return !used.isEmpty && used.allSatisfy { $0.start != 0 }
    }

    /// `0x… 0x… 0x…`, each with 16 digits.
    private static func line(_ text: Span<UInt8>) -> (start: UInt64, flags: UInt64)? {
        let width = 18
        guard text.count == 3 * width + 2, let start: UInt64 = SysfsText.hex(text.extracting(..<width)),
            let flags: UInt64 = SysfsText.hex(text.extracting((2 * width + 2)...))
        else { return nil }
        return (start, flags)
    }
}
