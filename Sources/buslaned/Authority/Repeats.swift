// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger
import PrintableText
import Synchronization

/// Refusals and failures that repeat. The first is written at once, and the others as one entry with their number.
///
/// The daemon repeats some of its own work without end: of that, only another reason is news. A client's are counted for
/// an hour. So that a number shows before the hour is over, it is also written at each power of ten.
final class Repeats: Sendable {
    private struct Work: Hashable {
        let uid: Int?
        let verb, subject, detail: String

        init(_ entry: AuditEntry.Draft) {
            uid = entry.actor.uid
            (verb, subject, detail) = (entry.verb.short, entry.subject.short, entry.detail.short)
        }
    }

    /// A piece of a client's work, and how it fails. Without work: all that its user is refused besides the first pieces.
    private struct Refused: Hashable {
        let uid: Int?
        var work: Work?
        var text = ""
    }

    private struct Count {
        let entry: AuditEntry.Draft
        /// Seconds since 1970.
        let since: Int
        /// Since the last entry that was written.
        var unwritten = 0
        var total = 0

        /// The entry for those that were not written; nil if all were.
        var due: AuditEntry.Draft? { unwritten == 0 ? nil : entry.ending(entry.result, times: unwritten) }
    }

    /// The largest number of pieces of the daemon's own work, so that temporary domains cannot fill the memory.
    private static let limit = 1000
    /// The same for a user, whose client can choose another name each time.
    private static let limitOfUser = 20
    /// In seconds.
    static let window = 3600

    /// The reason of the last failure of the daemon's own work.
    private let reasons = Mutex<[Work: String]>([:])
    private let counts = Mutex<[Refused: Count]>([:])

    /// Takes note of a failure.
    ///
    /// - Returns: the entries to write now.
    func entries(for entry: AuditEntry.Draft, _ text: String, at now: Int) -> [AuditEntry.Draft] {
        let text = text.short
        if entry.actor == .daemon { return isNews(Work(entry), text) ? [entry.ending(text)] : [] }
        return counts.withLock { counts in
            let uid = entry.actor.uid
            var refused = Refused(uid: uid, work: Work(entry), text: text)
            var written = Self.ended(&counts) { $0 == refused && now - $1.since >= Self.window }
            var first = entry.ending(text)
            if counts[refused] == nil, counts.count(where: { $0.key.uid == uid }) >= Self.limitOfUser {
                refused = Refused(uid: uid)
                written += Self.ended(&counts) { $0 == refused && now - $1.since >= Self.window }
                first = AuditEntry.Draft(
                    entry.verb, subject: "others", detail: "further requests of this user", result: text,
                    actor: entry.actor)
            }
            guard var count = counts[refused] else {
                counts[refused] = Count(entry: first, since: now)
                return written + [first]
            }
            count.unwritten += 1
            count.total += 1
            if count.total.isPowerOfTen {
                written += [count.due].compactMap(\.self)
                count.unwritten = 0
            }
            counts[refused] = count
            return written
        }
    }

    private func isNews(_ work: Work, _ text: String) -> Bool {
        reasons.withLock { reasons in
            if reasons.count >= Self.limit { reasons = [:] }
            return reasons.updateValue(text, forKey: work) != text
        }
    }

    /// The work was done: its next failure is news.
    ///
    /// - Returns: the entries to write now.
    func succeeded(_ entry: AuditEntry.Draft) -> [AuditEntry.Draft] {
        if entry.actor == .daemon {
            reasons.withLock { if !$0.isEmpty { $0[Work(entry)] = nil } }
            return []
        }
        return counts.withLock { counts in
            if counts.isEmpty { return [] }
            let work = Work(entry)
            return Self.ended(&counts) { refused, _ in refused.work == work }
        }
    }

    /// Ends the counting of what began an hour ago, or of everything.
    ///
    /// - Returns: the entries to write now.
    func ended(at now: Int, all: Bool = false) -> [AuditEntry.Draft] {
        counts.withLock { Self.ended(&$0) { all || now - $1.since >= Self.window } }
    }

    private static func ended(
        _ counts: inout [Refused: Count], _ isOver: (Refused, Count) -> Bool
    ) -> [AuditEntry.Draft] {
        let over = counts.filter { isOver($0.key, $0.value) }
        for refused in over.keys { counts[refused] = nil }
        return over.values.sorted { $0.since < $1.since }.compactMap(\.due)
    }
}

extension String {
    /// As long as the trail keeps it: a client's texts must not fill the memory either.
    fileprivate var short: String { cut(to: AuditEntry.longestText) }
}

extension Int {
    fileprivate var isPowerOfTen: Bool {
        var rest = self
        while rest > 9, rest.isMultiple(of: 10) { rest /= 10 }
        return rest == 1 && self > 1
    }
}
