// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import HostModel
import SystemPackage

/// Attributes that may be absent, closed or nonsense: each costs its own field.
extension ReadPass {
    /// An attribute that may be absent: nil then, and nil with a warning when it cannot be read.
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

    /// The last name on the path that a link points to; nil without the link.
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

    /// The number that ends the path that a link points to; nil without the link, or with another end.
    mutating func linkNumber(_ name: StaticString, in directory: borrowing Directory, of subject: String)
        throws(Vanished) -> Int?
    {
        do {
            return try target(of: name, in: directory, SysfsText.lastCount)
        } catch {
            return try absence(of: name, subject: subject, error)
        }
    }

    /// An attribute that means something: nil when absent, and nil with a warning when it means nothing known.
    mutating func value<Value>(
        _ name: StaticString, in directory: borrowing Directory, of subject: String,
        _ parse: (Span<UInt8>) -> Value?
    ) throws(Vanished) -> Value? {
        let outcome: (value: Value?, text: String)
        do {
            outcome = try read(name, in: directory) { bytes in
                if let value = parse(bytes) { (value, "") } else { (nil, String(text: bytes) ?? "no text") }
            }
        } catch {
            return try absence(of: name, subject: subject, error)
        }
        if let value = outcome.value { return value }
        let shown = outcome.text.count > 80 ? outcome.text.prefix(80) + "…" : outcome.text
        warn("\(subject): \(name) reads '\(shown)', which is not understood")
        return nil
    }

    private mutating func absence<Value>(
        of name: StaticString, subject: String, _ problem: Errno
    ) throws(Vanished) -> Value? {
        switch problem.rawValue {
        case ENOENT: break
        // The kernel removes the device at this moment: sysfs refuses what was opened before.
        case ENODEV: throw Vanished()
        default: warn("\(subject): cannot read \(name): \(problem)")
        }
        return nil
    }
}
