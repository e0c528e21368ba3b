// SPDX-License-Identifier: GPL-3.0-or-later

/// An entry of the audit trail: a request, its client and its result.
public struct AuditEntry: Sendable, Hashable {
    public let id: Int
    /// Seconds since 1970.
    public let at: Int
    public let actor: Actor
    /// `allocate`, `release`, `apply`, `hook prepare`, …
    public let verb: String
    /// A claim, a domain, a function or a pool.
    public let subject: String
    public let detail: String
    /// `done`, or the text of the refusal or failure.
    public let result: String
    /// More than 1: that many equal refusals or failures, of which this is the last.
    public let times: Int

    /// The client process, by the socket's peer credentials; both values are nil for the daemon itself.
    public struct Actor: Sendable, Hashable {
        public let uid: Int?
        public let pid: Int?

        public init(uid: Int?, pid: Int?) {
            self.uid = uid
            self.pid = pid
        }

        public static let daemon = Actor(uid: nil, pid: nil)
    }
}

extension AuditEntry {
    /// An entry that is about to be written: everything except its id and its time.
    public struct Draft: Sendable {
        public let verb: String
        public let subject: String
        public let detail: String
        public let result: String
        public let actor: Actor
        public let times: Int

        public init(
            _ verb: String, subject: String, detail: String, result: String = "done", actor: Actor, times: Int = 1
        ) {
            self.verb = verb
            self.subject = subject
            self.detail = detail
            self.result = result
            self.actor = actor
            self.times = times
        }

        /// The same entry with another result.
        public func ending(_ result: String, times: Int = 1) -> Draft {
            Draft(verb, subject: subject, detail: detail, result: result, actor: actor, times: times)
        }
    }
}
