// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
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
            let last = request.uri.queryParameters.get("after", as: Int.self) ?? newest
            return Response(
                status: .ok, headers: .jsonLines, body: Self.lines(of: reconciler.ledger.newEvents(after: last)))
        }
        router.post(RouterPath(Route.recover)) { request, context in
            let asked = try await body(RecoverRequest.self, of: request)
            let actor = try await root(context, "recover", asked.address.description)
            try await reconciler.recover(asked.address, by: actor)
            return try Response(json: asked)
        }
    }

    private static func lines(of events: AsyncThrowingStream<[Event], any Error>) -> ResponseBody {
        ResponseBody { writer in
            for try await batch in events.cancelOnGracefulShutdown() {
                for event in batch {
                    let line = try JSON.encode(EventsDocument.Entry(event), pretty: false) + [0x0a]
                    try await writer.write(ByteBuffer(bytes: line))
                }
            }
            try await writer.finish(nil)
        }
    }
}

extension EventsDocument.Entry {
    init(_ event: Event) {
        self.init(id: event.id, at: event.at, kind: event.kind.rawValue, subject: event.subject, detail: event.detail)
    }
}
