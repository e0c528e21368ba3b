// SPDX-License-Identifier: GPL-3.0-or-later

/// The users and groups that may claim from a pool. Root always may.
public struct Access: Hashable, Sendable {
    /// User names.
    public var users: [String]
    /// Group names.
    public var groups: [String]

    public init(users: [String] = [], groups: [String] = []) {
        self.users = users
        self.groups = groups
    }

    public func admits(_ caller: Caller) -> Bool {
        caller.isRoot || caller.user.map(users.contains) == true || !caller.groups.isDisjoint(with: groups)
    }
}

/// The client of a request, by the socket's peer credentials and the user database.
public struct Caller: Hashable, Sendable {
    public let uid: Int
    /// The user's name; nil for a user id without one.
    public let user: String?
    public let groups: Set<String>

    public init(uid: Int, user: String?, groups: Set<String> = []) {
        self.uid = uid
        self.user = user
        self.groups = groups
    }

    /// The daemon itself, which needs no permission.
    public static let root = Caller(uid: 0, user: "root")

    public var isRoot: Bool { uid == 0 }
    public var description: String { user ?? "uid \(uid)" }
}

extension Pool {
    /// Whether the caller may claim from it.
    public func admits(_ caller: Caller) -> Bool { access?.admits(caller) ?? true }
}

extension Caller {
    /// - Throws: ``Refusal/notPermitted(what:subject:user:remedy:)`` for every user except root.
    public func mustBeRoot(to what: String, _ subject: String) throws(Refusal) {
        guard !isRoot else { return }
        throw .notPermitted(what: what, subject: subject, user: description, remedy: "run it as root")
    }

    /// - Throws: ``Refusal/notPermitted(what:subject:user:remedy:)`` if the pool does not admit the caller.
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

    /// Only the user that made a claim, and root, may release or renew it.
    public func mustOwn(_ claim: Claim, to verb: String) throws(Refusal) {
        guard !isRoot, claim.uid != uid else { return }
        throw .notPermitted(
            what: "\(verb) claim", subject: claim.id, user: description,
            remedy:
                "ask \(claim.uid.map { "user id \($0)" } ?? "root"), who made it for \(claim.ownerName), or run it as root"
        )
    }

    /// The same right as libvirt gives: root and the members of the group `libvirt` may change domains.
    public func mustManageDomains(_ name: String) throws(Refusal) {
        guard !isRoot, !groups.contains("libvirt") else { return }
        throw .notPermitted(
            what: "change domain", subject: name, user: description, remedy: "join the group libvirt, or run it as root"
        )
    }
}
