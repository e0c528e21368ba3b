// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

/// Reads a function's IDs and class: from `uevent`, which has nearly all of them in one file, and the others from their
/// own attributes.
struct IdentityReader {
    /// The function's address.
    let subject: String
    /// The function's config space, if it was read.
    let config: ConfigSpace.Reading?

    /// - Throws: when attributes are missing and the function is not there any more.
    func identity(
        in home: borrowing Directory, _ pass: inout ReadPass, isStillThere: () -> Bool
    ) throws(Vanished) -> Identity {
        let told = (try? pass.read("uevent", in: home) { Uevent($0) }) ?? Uevent()
        var identity = Identity.unknown
        var missing: [StaticString] = []
        func take(
            _ name: StaticString, unless told: UInt32?, upTo limit: UInt32, _ pass: inout ReadPass
        ) throws(Vanished) -> UInt32? {
            if let told { return told }
            let before = pass.warnings.count
            let value = try pass.value(name, in: home, of: subject) { bytes -> UInt32? in
                guard let value: UInt32 = SysfsText.hex(bytes), value <= limit else { return nil }
                return value
            }
            if value == nil, pass.warnings.count == before { missing.append(name) }
            return value
        }
        identity.vendor = try take("vendor", unless: told.vendor, upTo: 0xffff, &pass).map { UInt16($0) }
        identity.device = try take("device", unless: told.device, upTo: 0xffff, &pass).map { UInt16($0) }
        identity.subsystemVendor = try take("subsystem_vendor", unless: told.subsystemVendor, upTo: 0xffff, &pass)
            .map { UInt16($0) }
        identity.subsystemDevice = try take("subsystem_device", unless: told.subsystemDevice, upTo: 0xffff, &pass)
            .map { UInt16($0) }
        identity.classCode = try take("class", unless: told.classCode, upTo: 0xffffff, &pass)
        // The revision is in the same register as the class: if the class agrees, the revision is this function's.
        if let config, config.classCode == identity.classCode {
            identity.revision = config.revision
        } else if let number = try take("revision", unless: nil, upTo: 0xff, &pass) {
            identity.revision = UInt8(number)
        }
        if !missing.isEmpty {
            guard isStillThere() else { throw Vanished() }
            pass.warn("\(subject): has no \(missing.map(\.description).joined(separator: ", "))")
        }
        return identity
    }
}

/// The part of a function's identity that is in its `uevent`; nil for each value that is not.
///
/// Source: `pci_uevent`, drivers/pci/pci-driver.c: `PCI_CLASS=20000`, `PCI_ID=8086:154C`, `PCI_SUBSYS_ID=8086:0002`.
private struct Uevent {
    var vendor: UInt32?
    var device: UInt32?
    var subsystemVendor: UInt32?
    var subsystemDevice: UInt32?
    var classCode: UInt32?

    init() {}

    init(_ bytes: Span<UInt8>) {
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
            take(bytes.extracting(start..<end))
            start = end + 1
        }
    }

    private mutating func take(_ line: Span<UInt8>) {
        func value(of key: StaticString) -> Int? {
            let length = key.utf8CodeUnitCount
            guard line.count > length else { return nil }
            for position in 0..<length where unsafe line[position] != key.utf8Start[position] { return nil }
            return length
        }
        func pair(_ start: Int) -> (UInt32, UInt32)? {
            // VVVV:DDDD
            guard line.count == start + 9, line[start + 4] == UInt8(ascii: ":"),
                let first: UInt32 = SysfsText.hex(line.extracting(start..<start + 4)),
                let second: UInt32 = SysfsText.hex(line.extracting((start + 5)...))
            else { return nil }
            return (first, second)
        }
        if let start = value(of: "PCI_CLASS=") {
            guard line.count <= start + 6 else { return }
            classCode = SysfsText.hex(line.extracting(start...))
        } else if let start = value(of: "PCI_ID=") {
            if let (first, second) = pair(start) { (vendor, device) = (first, second) }
        } else if let start = value(of: "PCI_SUBSYS_ID=") {
            if let (first, second) = pair(start) { (subsystemVendor, subsystemDevice) = (first, second) }
        }
    }
}
