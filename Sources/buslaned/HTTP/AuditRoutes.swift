// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Hummingbird
import Ledger
import NIOCore

/// The audit trail, page by page.
struct AuditRoutes: RouteGroup {
    let ledger: Ledger

    func add(to router: Router<PeerContext>) {
        router.get(RouterPath(Route.audit)) { request, _ in
            let page = try AuditPage(of: request)
            let trail = page.trail(in: ledger)
            return Response(status: .ok, headers: .json, body: ResponseBody { try await trail.write(to: &$0) })
        }
    }
}

/// Which entries a client asks for.
struct AuditPage {
    let before: Int?
    let after: Int?
    let limit: Int

    init(before: Int? = nil, after: Int? = nil, limit: Int = 200) {
        (self.before, self.after, self.limit) = (before, after, limit)
    }

    /// - Throws: ``MalformedDocument`` for a parameter that is no number of its range, and for both directions at once.
    init(of request: Request) throws(MalformedDocument) {
        let before = try request.number("before", in: RequestLimits.whole)
        let after = try request.number("after", in: RequestLimits.whole)
        guard before == nil || after == nil else {
            throw MalformedDocument(
                field: "after", problem: "it does not go with 'before'", kind: .unprocessable, in: "query")
        }
        self.init(before: before, after: after, limit: try request.number("limit", in: RequestLimits.auditPage) ?? 200)
    }

    func trail(in ledger: Ledger) -> AuditTrailText { AuditTrailText(ledger: ledger, page: self) }
}

/// Reads a page and writes it, some entries at a time: no page is in memory as a whole.
struct AuditTrailText {
    let ledger: Ledger
    let page: AuditPage

    private static let portion = 100

    func write(to writer: inout any ResponseBodyWriter) async throws {
        var text = AuditText()
        try await writer.write(ByteBuffer(bytes: text.opening))
        let end = page.before ?? .max
        // The last id that the client has seen, or that is before its page.
        var known: Int
        if let after = page.after {
            known = after
        } else {
            known = max(0, (try await ledger.trail.first(before: end, limit: page.limit) ?? end) - 1)
        }
        var first: Int?
        var left = page.limit
        while left > 0 {
            let entries = try await ledger.trail.oldest(after: known, before: end, limit: min(left, Self.portion))
            guard let newest = entries.last?.id else { break }
            try await writer.write(ByteBuffer(bytes: try text.text(of: entries.map(AuditDocument.Entry.init))))
            first = first ?? entries.first?.id
            known = newest
            left -= entries.count
        }
        let start = first ?? known + 1
        let hasOlder = try await ledger.trail.newest(before: start, limit: 1).first != nil
        let hasNewer = try await ledger.trail.oldest(after: known, limit: 1).first != nil
        try await writer.write(
            ByteBuffer(bytes: text.closing(older: hasOlder ? start : nil, newer: hasNewer ? known : nil)))
        try await writer.finish(nil)
    }
}

extension AuditDocument.Entry {
    fileprivate init(_ entry: AuditEntry) {
        self.init(
            id: entry.id, at: entry.at, uid: entry.actor.uid, pid: entry.actor.pid, verb: entry.verb,
            subject: entry.subject, detail: entry.detail, result: entry.result, times: entry.times)
    }
}

extension Request {
    /// A whole number of the query; nil without it.
    func number(_ name: String, in range: ClosedRange<Int>) throws(MalformedDocument) -> Int? {
        guard let text = uri.queryParameters[Substring(name)] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw MalformedDocument(
                field: name,
                problem:
                    "'\(String(text).shortened)' is not a whole number from \(range.lowerBound) to \(range.upperBound)",
                in: "query")
        }
        return number
    }
}
