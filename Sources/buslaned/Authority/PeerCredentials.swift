// SPDX-License-Identifier: GPL-3.0-or-later
import BlockingCalls
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
    /// - Throws: when the user database does not answer in time.
    ///
    /// Source: getpwuid_r(3), getgrouplist(3), getgrgid_r(3).
    var caller: Caller {
        get throws(SilentUserDatabase) {
            if uid == 0 { return .root }
            let found = Self.lookUps.result(within: .seconds(5)) { [uid, gid] in Self.caller(uid: uid, gid: gid) }
            guard let found else { throw SilentUserDatabase(uid: uid) }
            return found
        }
    }

    /// A name service can wait for a server that does not answer. So many look-ups wait at most.
    private static let lookUps = BlockingThreads(limit: 8)

    private static func caller(uid: UInt32, gid: UInt32) -> Caller {
        var groups = [gid]
        let user = UserDatabase.user(uid)
        if let user { groups += UserDatabase.groups(of: user.name, primary: user.group) }
        return Caller(
            uid: Int(uid), user: user?.name, groups: Set(groups.compactMap(UserDatabase.name(ofGroup:))))
    }
}

/// The host's name service has not said in time who a user is, so what the user may do is not known.
struct SilentUserDatabase: Reportable {
    let uid: UInt32

    var report: ErrorReport {
        ErrorReport(
            .notNow, "user-database", "user \(uid)",
            "cannot tell what user \(uid) may do: the host's user database does not answer",
            remedy: "try again; id \(uid) shows whether the name service (sssd, LDAP) answers")
    }
}
