// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HTTPTypes
import Hummingbird
import Ledger
import NIOCore
import ServiceLifecycle

extension API {
    func addEventRoutes(to router: Router<PeerContext>) {
        router.get(RouterPath(Route.events)) { _, _ in
            let events = try await reconciler.ledger.events()
            return try Response(json: EventsDocument(events: events.map(EventsDocument.Entry.init)))
        }
        router.get(RouterPath(Route.newEvents)) { request, _ in
            let newest = try await reconciler.ledger.events(limit: 1).last?.id ?? 0
            let seen = HTTPField.Name.lastEventID.flatMap { request.headers[$0] }.flatMap { Int($0) }
            let last = request.uri.queryParameters.get("after", as: Int.self) ?? seen ?? newest
            let isForBrowsers = request.headers[.accept]?.contains("text/event-stream") == true
            return Response(
                status: .ok, headers: isForBrowsers ? .serverSentEvents : .jsonLines,
                body: Self.lines(of: reconciler.ledger.newEvents(after: last)) { event in
                    let line = try JSON.encode(EventsDocument.Entry(event), pretty: false) + [0x0a]
                    if !isForBrowsers { return line }
                    return Array("id: \(event.id)\nevent: \(event.kind.rawValue)\ndata: ".utf8) + line + [0x0a]
                })
        }
        router.post(RouterPath(Route.recover)) { request, context in
            let asked = try await body(RecoverRequest.self, of: request)
            let actor = try await root(context, "recover", asked.address.description)
            try await reconciler.recover(asked.address, by: actor)
            return try Response(json: asked)
        }
    }

    private static func lines(
        of events: AsyncThrowingStream<[Event], any Error>, _ encode: @escaping @Sendable (Event) throws -> [UInt8]
    ) -> ResponseBody {
        ResponseBody { writer in
            for try await batch in events.cancelOnGracefulShutdown() {
                for event in batch {
                    try await writer.write(ByteBuffer(bytes: try encode(event)))
                }
            }
            try await writer.finish(nil)
        }
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
