// SPDX-License-Identifier: GPL-3.0-or-later

/// Requests of one client that wait together for free functions.
public struct Waiter: Hashable, Sendable {
    public let requests: [ClaimRequest]
    public let caller: Caller
    /// Whether functions are kept for it. If not it keeps its place, and others may take what it could have.
    public var keepsFunctions: Bool
    /// Why the quota refuses the requests now; nil while it does not.
    public var quotaRefusal: Refusal?

    public init(_ requests: [ClaimRequest], of caller: Caller, keepsFunctions: Bool = true) {
        self.requests = requests
        self.caller = caller
        self.keepsFunctions = keepsFunctions
    }
}

extension [Waiter] {
    /// The same, judged by their quotas. Nothing is kept for those that the quota would refuse if the ones before them had
    /// their claims.
    public func limited(by records: some ClaimRecords) throws -> [Waiter] {
        var coming = AnticipatedRecords(beside: records)
        var limited = self
        for position in indices {
            let requests = self[position].requests
            limited[position].quotaRefusal = try requests.quotaRefusal(by: records)
            if try requests.quotaRefusal(by: coming) == nil {
                for request in requests { coming.add(request) }
            } else {
                limited[position].keepsFunctions = false
            }
        }
        return limited
    }
}

extension [ClaimRequest] {
    fileprivate func quotaRefusal(by records: some ClaimRecords) throws -> Refusal? {
        do {
            try refuseBeyondQuota(records)
            return nil
        } catch let refusal as Refusal {
            return refusal
        }
    }
}

/// Functions that are kept for requests that wait. Later requests must not take them.
///
/// A function is kept in those pools only that the waiting client may claim from.
public struct KeptFunctions: Sendable {
    private var callers: [PCIAddress: Set<Caller>] = [:]

    public init() {}

    public var isEmpty: Bool { callers.isEmpty }

    public mutating func keep(_ functions: some Sequence<PCIAddress>, for caller: Caller) {
        for function in functions { callers[function, default: []].insert(caller) }
    }

    /// Whether a request for functions of this pool has to leave the function.
    public func keeps(_ function: PCIAddress, in pool: Pool) -> Bool {
        callers[function]?.contains { pool.admits($0) } ?? false
    }
}
