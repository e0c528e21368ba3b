// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Hummingbird
import NIOCore

/// Takes a request only within its user's share of the daemon, and counts it until its answer is written.
struct Admission: RouterMiddleware {
    typealias Context = PeerContext

    let limits: ClientLimits

    func handle(
        _ request: Request, context: PeerContext, next: (Request, PeerContext) async throws -> Response
    ) async throws -> Response {
        guard let share = try limits.share(of: .request, for: try context.peer().uid) else {
            return try await next(request, context)
        }
        var (request, context) = (request, context)
        request.body = RequestBody(asyncSequence: CountedBody(parts: request.body, share: share))
        context.share = share
        var response = try await next(request, context)
        let body = response.body
        response.body = ResponseBody(contentLength: body.contentLength) { writer in
            defer { withExtendedLifetime(share) {} }
            try await body.write(writer)
        }
        return response
    }
}

/// A request's body. Its bytes count for its user as they are read.
private struct CountedBody: AsyncSequence, Sendable {
    let parts: RequestBody
    let share: ClientShare

    struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var parts: RequestBody.AsyncIterator
        fileprivate let share: ClientShare
        fileprivate var count = 0

        mutating func next() async throws -> ByteBuffer? {
            guard let part = try await parts.next() else { return nil }
            count += part.readableBytes
            // What no request may have is not a matter of the user's share.
            guard count <= RequestLimits.body else { throw RequestRefusal.tooLarge(limit: RequestLimits.body) }
            try share.take(part.readableBytes, of: .bodyByte)
            return part
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(parts: parts.makeAsyncIterator(), share: share) }
}
