// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc

/// Users and groups, as the host's name service knows them.
///
/// Source: getpwuid_r(3), getgrgid_r(3), getgrnam_r(3), getgrouplist(3).
package enum UserDatabase {
    /// The largest entry, in bytes. A user takes some hundred; a group can list thousands of members.
    private static let limit = 1 << 20

    /// nil for a user id without a name.
    package static func user(_ uid: UInt32) -> (name: String, group: UInt32)? {
        var entry = unsafe passwd()
        return unsafe buffered { buffer, size in
            var found: UnsafeMutablePointer<passwd>?
            // SAFETY: the library fills the entry, with pointers into the buffer; both outlive their use here.
            let error = unsafe getpwuid_r(uid, &entry, buffer, size, &found)
            guard unsafe found != nil else { return (error, nil) }
            return unsafe (error, (String(cString: entry.pw_name), entry.pw_gid))
        }
    }

    /// nil for a group id without a name.
    package static func name(ofGroup gid: UInt32) -> String? {
        var entry = unsafe Glibc.group()
        return unsafe buffered { buffer, size in
            var found: UnsafeMutablePointer<Glibc.group>?
            // SAFETY: as above.
            let error = unsafe getgrgid_r(gid, &entry, buffer, size, &found)
            guard unsafe found != nil else { return (error, nil) }
            return unsafe (error, String(cString: entry.gr_name))
        }
    }

    /// nil when there is no group of this name.
    package static func group(named name: String) -> UInt32? {
        var entry = unsafe Glibc.group()
        return unsafe buffered { buffer, size in
            var found: UnsafeMutablePointer<Glibc.group>?
            // SAFETY: as above.
            let error = unsafe getgrnam_r(name, &entry, buffer, size, &found)
            return (error, unsafe found == nil ? nil : entry.gr_gid)
        }
    }

    /// Every group of a user, including the primary one.
    package static func groups(of user: String, primary: UInt32) -> [UInt32] {
        var count: CInt = 64
        while true {
            var groups = [gid_t](repeating: 0, count: Int(count))
            // SAFETY: the library writes at most `count` numbers, and then the number of groups there are.
            if unsafe getgrouplist(user, primary, &groups, &count) >= 0 { return Array(groups.prefix(Int(count))) }
            guard count > groups.count, count < 1 << 16 else { return [primary] }
        }
    }

    /// Calls `ask` with larger and larger buffers until one is large enough.
    @unsafe private static func buffered<Value>(
        _ ask: (UnsafeMutablePointer<CChar>, Int) -> (error: CInt, value: Value?)
    ) -> Value? {
        var size = 4096
        while size <= limit {
            // SAFETY: `ask` uses the buffer only during its call.
            let answer = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { buffer in
                unsafe buffer.baseAddress.map { unsafe ask($0, size) }
            }
            guard answer?.error == ERANGE else { return answer?.value }
            size *= 4
        }
        return nil
    }
}
