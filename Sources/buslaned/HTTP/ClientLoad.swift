// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Synchronization

/// What the clients of each user take of the daemon now. A user cannot have more than a share. All users together cannot have
/// more than the daemon has room for.
struct ClientLoad: Sendable {
    /// What the daemon has only so much of.
    enum Resource: CaseIterable, Hashable {
        case connection
        /// A connection above the limit, until its client has read why.
        case refusedConnection
        /// A request, from its head until its answer is written. A request of another kind below is not counted here.
        case request
        /// A byte of a request's body, until the request is done.
        case bodyByte
        /// A request that waits in the queue for functions.
        case waitingClaim
        /// An answer that goes on until the client disconnects.
        case stream
    }

    struct Limit: Equatable {
        let perUser: Int
        let inAll: Int
    }

    private let limits: @Sendable (Resource) -> Limit
    private var taken: [Resource: [UInt32: Int]] = [:]
    private var inAll: [Resource: Int] = [:]

    init(limits: @escaping @Sendable (Resource) -> Limit = \.limit) { self.limits = limits }

    /// - Throws: ``RequestRefusal/tooMany(_:user:limit:)`` when the user, or all users together, would have too much.
    ///   Nothing is counted then.
    mutating func take(_ amount: Int, of resource: Resource, for uid: UInt32) throws(RequestRefusal) {
        let limit = limits(resource)
        if amount > limit.perUser - taken(of: resource, by: uid) {
            throw .tooMany(resource, user: uid, limit: limit.perUser)
        }
        if amount > limit.inAll - inAll[resource, default: 0] {
            throw .tooMany(resource, user: nil, limit: limit.inAll)
        }
        taken[resource, default: [:]][uid, default: 0] += amount
        inAll[resource, default: 0] += amount
    }

    /// Ends the counting of what was taken before.
    mutating func drop(_ amount: Int, of resource: Resource, for uid: UInt32) {
        let rest = taken(of: resource, by: uid) - amount
        // A user without clients leaves no entry.
        taken[resource]?[uid] = rest > 0 ? rest : nil
        inAll[resource, default: 0] -= amount
    }

    func taken(of resource: Resource, by uid: UInt32) -> Int { taken[resource]?[uid] ?? 0 }
}

extension ClientLoad.Resource {
    var limit: ClientLoad.Limit {
        switch self {
        // A thousand take 36 MiB.
        case .connection: .init(perUser: 256, inAll: 4_000)
        case .refusedConnection: .init(perUser: 32, inAll: 256)
        case .request: .init(perUser: 32, inAll: 256)
        // One of the largest size. While it is parsed, a document takes several times as much.
        case .bodyByte: .init(perUser: RequestLimits.body, inAll: 4 * RequestLimits.body)
        case .waitingClaim: .init(perUser: 64, inAll: 1_024)
        case .stream: .init(perUser: 64, inAll: 1_024)
        }
    }
}

/// The load of all connections, for those who take part in it.
final class ClientLimits: Sendable {
    private let load: Mutex<ClientLoad>
    private let isExempt: @Sendable (UInt32) -> Bool

    /// - Parameter isExempt: whether a user is not counted: root.
    init(_ load: ClientLoad = ClientLoad(), isExempt: @escaping @Sendable (UInt32) -> Bool = { $0 == 0 }) {
        self.load = Mutex(load)
        self.isExempt = isExempt
    }

    /// - Returns: nil for a user that is not counted.
    /// - Throws: ``RequestRefusal/tooMany(_:user:limit:)``.
    func share(of resource: ClientLoad.Resource, for uid: UInt32) throws(RequestRefusal) -> ClientShare? {
        if isExempt(uid) { return nil }
        return try ClientShare(of: resource, for: uid, in: self)
    }

    fileprivate func take(
        _ amount: Int, of resource: ClientLoad.Resource, for uid: UInt32
    ) throws(RequestRefusal) {
        try load.withLock { load throws(RequestRefusal) in try load.take(amount, of: resource, for: uid) }
    }

    fileprivate func drop(_ amount: Int, of resource: ClientLoad.Resource, for uid: UInt32) {
        load.withLock { $0.drop(amount, of: resource, for: uid) }
    }
}

/// What one connection or request takes. It is counted until this object is deallocated.
final class ClientShare: Sendable {
    private let uid: UInt32
    private let limits: ClientLimits
    private let held: Mutex<[ClientLoad.Resource: Int]>

    fileprivate init(
        of resource: ClientLoad.Resource, for uid: UInt32, in limits: ClientLimits
    ) throws(RequestRefusal) {
        (self.uid, self.limits) = (uid, limits)
        held = Mutex([:])
        try take(1, of: resource)
    }

    func take(_ amount: Int, of resource: ClientLoad.Resource) throws(RequestRefusal) {
        try limits.take(amount, of: resource, for: uid)
        held.withLock { $0[resource, default: 0] += amount }
    }

    /// Counts a request as one of another kind from now on.
    func become(_ resource: ClientLoad.Resource) throws(RequestRefusal) {
        try take(1, of: resource)
        limits.drop(held.withLock { $0.removeValue(forKey: .request) } ?? 0, of: .request, for: uid)
    }

    deinit { for (resource, amount) in held.withLock(\.self) { limits.drop(amount, of: resource, for: uid) } }
}
