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

    /// - Throws: ``Refusal/notPermitted(what:subject:user:remedy:)`` if the pool does not admit the caller, or not with these
    ///   settings.
    public func mustBeAdmitted(to request: ClaimRequest) throws(Refusal) {
        let pool = request.pool
        try mustBeAdmitted(to: pool)
        guard !managesDomains, let denial = pool.denial(of: request.settings) else { return }
        throw .notPermitted(
            what: "choose '\(denial.setting)' in claims of pool", subject: pool.name, user: description,
            remedy: "leave it out; or root adds '\(denial.key)' to the pool's 'choices' in buslane.yaml")
    }

    /// Only the user that made a claim, and root, may release or renew it. The user must still have the right to act for
    /// its domain or unit.
    public func mustOwn(_ claim: Claim, to verb: String) throws(Refusal) {
        guard !isRoot else { return }
        guard claim.uid == uid else {
            throw .notPermitted(
                what: "\(verb) claim", subject: claim.id, user: description,
                remedy: "ask \(claim.uid.map { "user id \($0)" } ?? "root"), who made it for \(claim.ownerName), or "
                    + "run it as root")
        }
        switch claim.owner {
        case .domain: try mustManageDomains(claim.ownerName)
        case .unit: try mustActFor(.owner(claim.owner))
        case .process, .name: break
        }
    }

    /// The same right as libvirt gives: root and the members of the group `libvirt` may change domains.
    public func mustManageDomains(_ name: String) throws(Refusal) {
        try mustManage("change domain", name)
    }

    /// The same right for an XML whose domain is not known yet.
    public func mustManageDomains() throws(Refusal) { try mustManage("change", "domains") }

    private func mustManage(_ what: String, _ subject: String) throws(Refusal) {
        guard !managesDomains else { return }
        throw .notPermitted(
            what: what, subject: subject, user: description, remedy: "join the group libvirt, or run it as root")
    }

    /// Whether the caller may change every domain.
    public var managesDomains: Bool { isRoot || groups.contains("libvirt") }

    /// Whether the caller may claim for an owner. A name gives no right to what it names.
    ///
    /// - Every owner: root.
    /// - A domain: those who may change domains.
    /// - A process: the user who runs it.
    /// - `uid-N`: user N.
    /// - Another name: only the ledger knows whether it is free (``ClaimRequest/refuseOthersName(_:)``).
    ///
    /// - Parameter user: the real user of the process; nil for one that has ended.
    public func mustActFor(_ owner: OwnerName, runBy user: Int? = nil) throws(Refusal) {
        guard !isRoot else { return }
        switch owner {
        case .domain(let name): try mustManageDomains(name)
        case .owner(.domain(let uuid)): try mustManageDomains(uuid)
        case .owner(.unit(let name)):
            throw .notPermitted(
                what: "act for unit", subject: name, user: description,
                remedy: "run it as root, as ExecStartPre=+buslane allocate … in the unit does")
        case .process(let pid), .owner(.process(let pid, _)):
            guard let user, user != uid else { return }
            throw .notPermitted(
                what: "act for process", subject: String(pid), user: description,
                remedy: "name a process of your own, or run it as root")
        case .owner(.name(let name)):
            guard Owner.isUserName(name), name != Owner.name(ofUser: uid) else { return }
            throw .notPermitted(
                what: "act for", subject: name, user: description,
                remedy: "leave out the owner: it is \(Owner.name(ofUser: uid)) then; or run it as root")
        }
    }
}
