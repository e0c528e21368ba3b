// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HTTPTypes
import Hummingbird
import Ledger
import NIOCore
import ServiceLifecycle

/// Recorded events, and new events as they occur.
struct EventRoutes: RouteGroup {
    let ledger: Ledger

    func add(to router: Router<PeerContext>) {
        router.get(RouterPath(Route.events)) { _, _ in
            try Response(json: EventsDocument(events: try await ledger.events().map(EventsDocument.Entry.init)))
        }
        router.get(RouterPath(Route.newEvents)) { request, context in
            let asked = try request.number("after", in: RequestLimits.whole)
            try context.share?.become(.stream)
            let newest = try await ledger.events(limit: 1).last?.id ?? 0
            let seen = HTTPField.Name.lastEventID.flatMap { request.headers[$0] }.flatMap { Int($0) }
            let last = asked ?? seen ?? newest
            let events = ledger.newEvents(after: last)
            let isForBrowsers = request.headers[.accept]?.contains("text/event-stream") == true
            return isForBrowsers ? Self.serverSent(events, to: context) : Self.lines(events, to: context)
        }
    }

    private static func lines(
        _ events: AsyncThrowingStream<[Event], any Error>, to context: PeerContext
    ) -> Response {
        Response(for: context) { output in
            for try await batch in events.cancelOnGracefulShutdown() {
                for event in batch { try await output.write(EventsDocument.Entry(event)) }
            }
        }
    }

    private static func serverSent(
        _ events: AsyncThrowingStream<[Event], any Error>, to context: PeerContext
    ) -> Response {
        Response(
            status: .ok, headers: .serverSentEvents,
            body: ResponseBody(for: context) { writer in
                for try await batch in events.cancelOnGracefulShutdown() {
                    for event in batch {
                        let head = "id: \(event.id)\nevent: \(event.kind.rawValue)\ndata: "
                        let data = try JSON.encode(EventsDocument.Entry(event), pretty: false)
                        try await writer.write(ByteBuffer(bytes: Array(head.utf8) + data + [0x0a, 0x0a]))
                    }
                }
            })
    }
}

extension HTTPField.Name {
    /// Source: WHATWG HTML, 9.2 (server-sent events).
    fileprivate static let lastEventID = HTTPField.Name("Last-Event-ID")
}

extension HTTPFields {
    fileprivate static let serverSentEvents: HTTPFields = [
        .contentType: "text/event-stream", .cacheControl: "no-cache",
    ]
}

extension EventsDocument.Entry {
    init(_ event: Event) {
        self.init(id: event.id, at: event.at, kind: event.kind.rawValue, subject: event.subject, detail: event.detail)
    }
}
