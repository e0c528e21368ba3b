// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Hummingbird

/// Runs a request's work in the client's ``WorkThreads``.
struct RequestThreads: RouterMiddleware {
    let threads: WorkThreads

    func handle(
        _ request: Request, context: PeerContext, next: (Request, PeerContext) async throws -> Response
    ) async throws -> Response {
        // Says what is wrong, also when all threads hang.
        if request.uri.path == Route.health { return try await next(request, context) }
        let own = threads.of((try? context.peer()).map { Int($0.uid) } ?? -1)
        return try await withTaskExecutorPreference(own) { try await next(request, context) }
    }
}
