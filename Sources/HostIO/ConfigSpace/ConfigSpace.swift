// SPDX-License-Identifier: GPL-3.0-or-later
import CPCIGuard
import Glibc
import HostModel

/// Reads config spaces, and finds the capabilities in them with libpci. For one thread at a time.
///
/// The `config` file is read once and passed to libpci as its cache. libpci's own back-end would open the file by a
/// path of its own and read 4 bytes at a time, and would print its own errors.
///
/// Source: `pci_setup_cache`, `pci_find_cap`, libpci's `pci.h`.
@safe final class ConfigSpace {
    private let raw: OpaquePointer
    private var bytes = [UInt8](repeating: 0xff, count: Int(PCI_GUARD_CONFIG_SIZE))

    /// In bytes. Most functions have all capabilities in this part. Each 4 bytes more are a read on the bus, about 1 µs
    /// on real hardware, and there can be thousands of functions.
    private static let usualLength = 1024

    /// nil when libpci cannot parse config spaces on this system.
    init?() {
        // SAFETY: the function takes no argument and returns a new object or NULL.
        guard let access = unsafe pci_guard_open_config() else { return nil }
        unsafe raw = access
    }

    // SAFETY: this object is the access's only owner.
    deinit { unsafe pci_guard_close(raw) }

    /// The facts from one function's config space.
    struct Reading {
        let capabilities: Capabilities
        /// nil for a function without a serial number.
        let serialNumber: SerialNumber?
        /// nil for a function without a link, or whose link values are all unknown.
        let link: PCIeLink?
        let classCode: UInt32
        let revision: UInt8
    }

    /// nil when only the header can be read, as without privilege, or when the function does not answer.
    func reading(in home: borrowing Directory) -> Reading? {
        let file = home.file("config" as StaticString)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var length = read(file, from: 0, upTo: Self.usualLength)
        var parsed = pci_guard_capabilities()
        var outcome = parse(length, &parsed)
        if outcome == 1, length == Self.usualLength {
            length += read(file, from: length, upTo: bytes.count)
            outcome = parse(length, &parsed)
        }
        guard outcome >= 0 else { return nil }
        // Bytes 8 to 11: revision, programming interface, subclass, base class.
        return Reading(
            capabilities: Capabilities(parsed),
            serialNumber: parsed.serial == 0 ? nil : SerialNumber(rawValue: parsed.serial), link: PCIeLink(parsed),
            classCode: UInt32(bytes[11]) << 16 | UInt32(bytes[10]) << 8 | UInt32(bytes[9]), revision: bytes[8])
    }

    private func parse(_ length: Int, _ out: inout pci_guard_capabilities) -> CInt {
        unsafe bytes.withUnsafeMutableBufferPointer { buffer in
            // SAFETY: the buffer is PCI_GUARD_CONFIG_SIZE bytes long, and libpci does not use it after the call.
            unsafe pci_guard_capabilities(raw, buffer.baseAddress, length, &out)
        }
    }

    /// - Returns: the number of bytes read.
    private func read(_ file: CInt, from start: Int, upTo end: Int) -> Int {
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return 0 }
            // SAFETY: `end` is at most the buffer's length.
            return unsafe pread(file, base + start, end - start, off_t(start))
        }
        return max(count, 0)
    }
}

extension Capabilities {
    fileprivate init(_ parsed: pci_guard_capabilities) {
        self.init(
            isMultiFunction: parsed.multi_function != 0,
            portType: PortType(number: parsed.port_type),
            functionLevelReset: parsed.flr != 0,
            msixTableSize: parsed.msix_table_size > 0 ? Int(parsed.msix_table_size) : nil,
            extended: parsed.extended == 0
                ? nil
                : Extended(
                    sriov: parsed.sriov != 0, ari: parsed.ari != 0, ats: parsed.ats != 0, pasid: parsed.pasid != 0,
                    acs: parsed.acs == 0
                        ? nil
                        : ACS(
                            supported: .init(rawValue: parsed.acs_supported),
                            enabled: .init(rawValue: parsed.acs_enabled))))
    }
}

extension PCIeLink {
    /// As the kernel computes `max_link_speed` and the other link attributes.
    ///
    /// Source: `pcie_get_speed_cap`, `pcie_get_width_cap`, drivers/pci/pci.c; `pcie_link_speed`, drivers/pci/probe.c.
    fileprivate init?(_ parsed: pci_guard_capabilities) {
        let supported = parsed.link_capabilities_2 >> 1 & 0x7f
        let maxSpeed =
            supported != 0
            ? Self.speed(code: 32 - UInt32(supported.leadingZeroBitCount))
            // Before PCIe 2.1 there were two speeds.
            : Self.speed(code: parsed.link_capabilities & 0xf).flatMap { $0 <= 5 ? $0 : nil }
        self.init(
            speedGTs: Self.speed(code: UInt32(parsed.link_status & 0xf)),
            width: Self.width(UInt32(parsed.link_status) >> 4 & 0x3f),
            maxSpeedGTs: maxSpeed, maxWidth: Self.width(parsed.link_capabilities >> 4 & 0x3f))
        if isUnknown { return nil }
    }

    private static func speed(code: UInt32) -> Double? {
        let speeds = [2.5, 5, 8, 16, 32, 64]
        return code >= 1 && code <= speeds.count ? speeds[Int(code) - 1] : nil
    }

    private static func width(_ lanes: UInt32) -> Int? { lanes == 0 ? nil : Int(lanes) }
}

extension Capabilities.PortType {
    /// Source: `PCI_EXP_TYPE_*`, include/uapi/linux/pci_regs.h.
    fileprivate init?(number: CInt) {
        switch number {
        case 0: self = .endpoint
        case 1: self = .legacyEndpoint
        case 4: self = .rootPort
        case 5: self = .upstreamPort
        case 6: self = .downstreamPort
        case 7: self = .pcieToPCIBridge
        case 8: self = .pciToPCIeBridge
        case 9: self = .integratedEndpoint
        case 10: self = .eventCollector
        default: return nil
        }
    }
}
