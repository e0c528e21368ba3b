// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import HostModel
import SystemPackage

/// Reads attributes that can be missing, unreadable or malformed. Each of them only affects its own field.
extension ReadPass {
    /// An attribute as text: nil when it is missing; nil and a warning when it cannot be read.
    mutating func text(_ name: StaticString, in directory: borrowing Directory, of subject: String) throws(Vanished)
        -> String?
    {
        do {
            if let text = try read(name, in: directory, { String(text: $0) }) { return text }
            warn("\(subject): cannot read \(name): \(Errno.illegalByteSequence)")
            return nil
        } catch {
            return try absence(of: name, subject: subject, error)
        }
    }

    /// The last name in a link's target; nil without the link.
    mutating func linkName(_ name: StaticString, in directory: borrowing Directory, of subject: String)
        throws(Vanished) -> String?
    {
        do {
            if let text = try target(of: name, in: directory, SysfsText.lastName) { return text }
            warn("\(subject): cannot read \(name): \(Errno.illegalByteSequence)")
            return nil
        } catch {
            return try absence(of: name, subject: subject, error)
        }
    }

    /// The last name in a link's target, as a number; nil without the link, or when the name is not a number.
    mutating func linkNumber(_ name: StaticString, in directory: borrowing Directory, of subject: String)
        throws(Vanished) -> Int?
    {
        do {
            return try target(of: name, in: directory, SysfsText.lastCount)
        } catch {
            return try absence(of: name, subject: subject, error)
        }
    }

    /// An attribute as a value: nil when it is missing; nil and a warning when it cannot be read or parsed.
    mutating func value<Value>(
        _ name: StaticString, in directory: borrowing Directory, of subject: String,
        _ parse: (Span<UInt8>) -> Value?
    ) throws(Vanished) -> Value? {
        let outcome: (value: Value?, text: String)
        do {
            outcome = try read(name, in: directory) { bytes in
                if let value = parse(bytes) { (value, "") } else { (nil, String(text: bytes) ?? "binary data") }
            }
        } catch {
            return try absence(of: name, subject: subject, error)
        }
        if let value = outcome.value { return value }
        let shown = outcome.text.count > 80 ? outcome.text.prefix(80) + "…" : outcome.text
        warn("\(subject): \(name) has the unexpected value '\(shown)'")
        return nil
    }

    private mutating func absence<Value>(
        of name: StaticString, subject: String, _ problem: Errno
    ) throws(Vanished) -> Value? {
        switch problem.rawValue {
        case ENOENT: break
        // The kernel is removing the device: sysfs refuses reads of files that were opened before.
        case ENODEV: throw Vanished()
        default: warn("\(subject): cannot read \(name): \(problem)")
        }
        return nil
    }
}
