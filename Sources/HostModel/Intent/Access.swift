// SPDX-License-Identifier: GPL-3.0-or-later

/// Who may claim from a pool, beside root.
public struct Access: Hashable, Sendable {
    /// Names of users.
    public var users: [String]
    /// Names of groups.
    public var groups: [String]

    public init(users: [String] = [], groups: [String] = []) {
        self.users = users
        self.groups = groups
    }

    public func admits(_ caller: Caller) -> Bool {
        caller.isRoot || caller.user.map(users.contains) == true || !caller.groups.isDisjoint(with: groups)
    }
}

/// Who asks, as the kernel and the user database know them.
public struct Caller: Hashable, Sendable {
    public let uid: Int
    /// nil for a user id without a name.
    public let user: String?
    public let groups: Set<String>

    public init(uid: Int, user: String?, groups: Set<String> = []) {
        self.uid = uid
        self.user = user
        self.groups = groups
    }

    /// The daemon itself, and whatever needs no leave.
    public static let root = Caller(uid: 0, user: "root")

    public var isRoot: Bool { uid == 0 }
    public var description: String { user ?? "uid \(uid)" }
}

extension Caller {
    /// - Throws: ``Refusal/notPermitted(what:subject:user:remedy:)`` for everybody but root.
    public func mustBeRoot(to what: String, _ subject: String) throws(Refusal) {
        guard !isRoot else { return }
        throw .notPermitted(what: what, subject: subject, user: description, remedy: "run it as root")
    }

    /// - Throws: ``Refusal/notPermitted(what:subject:user:remedy:)`` when the pool names others.
    public func mustBeAdmitted(to pool: Pool) throws(Refusal) {
        guard let access = pool.access, !access.admits(self) else { return }
        let named = [
            access.users.isEmpty ? nil : "users: [\(access.users.joined(separator: ", "))]",
            access.groups.isEmpty ? nil : "groups: [\(access.groups.joined(separator: ", "))]",
        ].compactMap(\.self).joined(separator: ", ")
        throw .notPermitted(
            what: "claim from pool", subject: pool.name, user: description,
            remedy: "the pool's 'allow' has \(named); root can add to it")
    }

    /// Whoever made a claim may end and renew it, and root.
    public func mustOwn(_ claim: Claim, to verb: String) throws(Refusal) {
        guard !isRoot, claim.uid != uid else { return }
        throw .notPermitted(
            what: "\(verb) claim", subject: claim.id, user: description,
            remedy:
                "ask \(claim.uid.map { "user id \($0)" } ?? "root"), who made it for \(claim.ownerName), or run it as root"
        )
    }

    /// libvirt lets its own group change domains: nobody gets more through Buslane.
    public func mustManageDomains(_ name: String) throws(Refusal) {
        guard !isRoot, !groups.contains("libvirt") else { return }
        throw .notPermitted(
            what: "change domain", subject: name, user: description, remedy: "join the group libvirt, or run it as root"
        )
    }
}
