// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc

/// Users and groups by name, as the host's name service has them.
enum UserDatabase {
    /// An entry with its names is some hundred bytes; a group can list thousands of members.
    private static let limit = 1 << 20

    /// nil for a user id without a name.
    static func user(_ uid: uid_t) -> (name: String, group: gid_t)? {
        var entry = passwd()
        return buffered { buffer, size in
            var found: UnsafeMutablePointer<passwd>?
            let error = getpwuid_r(uid, &entry, buffer, size, &found)
            return (error, found == nil ? nil : (String(cString: entry.pw_name), entry.pw_gid))
        }
    }

    static func name(ofGroup gid: gid_t) -> String? {
        var entry = group()
        return buffered { buffer, size in
            var found: UnsafeMutablePointer<group>?
            let error = getgrgid_r(gid, &entry, buffer, size, &found)
            return (error, found == nil ? nil : String(cString: entry.gr_name))
        }
    }

    /// Every group of a user, the primary one with them.
    static func groups(of user: String, primary: gid_t) -> [gid_t] {
        var count: CInt = 64
        while true {
            var groups = [gid_t](repeating: 0, count: Int(count))
            if getgrouplist(user, primary, &groups, &count) >= 0 { return Array(groups.prefix(Int(count))) }
            // It says how many there are.
            guard count > groups.count, count < 1 << 16 else { return [primary] }
        }
    }

    /// Asks with more and more room, as long as that is what is missing.
    private static func buffered<Value>(
        _ ask: (UnsafeMutablePointer<CChar>, Int) -> (error: CInt, value: Value?)
    ) -> Value? {
        var size = 4096
        while size <= limit {
            let answer = withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { buffer in
                buffer.baseAddress.map { ask($0, size) }
            }
            guard answer?.error == ERANGE else { return answer?.value }
            size *= 4
        }
        return nil
    }
}
