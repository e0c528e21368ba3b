// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import SystemServices

/// The process at the other end of a unix socket, as recorded by the kernel when it connected.
///
/// Source: unix(7), SO_PEERCRED; the layout is `struct ucred`.
struct PeerCredentials: Sendable {
    var pid: Int32 = 0
    var uid: UInt32 = 0
    var gid: UInt32 = 0

    var actor: AuditEntry.Actor { .init(uid: Int(uid), pid: Int(pid)) }

    /// The user and groups, with their present names in the user database.
    ///
    /// Source: getpwuid_r(3), getgrouplist(3), getgrgid_r(3).
    var caller: Caller {
        if uid == 0 { return .root }
        var groups = [gid]
        let user = UserDatabase.user(uid)
        if let user { groups += UserDatabase.groups(of: user.name, primary: user.group) }
        return Caller(
            uid: Int(uid), user: user?.name, groups: Set(groups.compactMap(UserDatabase.name(ofGroup:))))
    }
}
