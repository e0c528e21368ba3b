// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HTTPTypes
import HostModel
import Hummingbird

/// Refuses the requests that no route takes, and says whether the path or only its method is unknown.
struct UnroutedRequests: RouterMiddleware {
    typealias Context = PeerContext

    /// By the parts of its path, the methods of each route.
    private let methods: [[Substring]: [HTTPRequest.Method]]

    /// - Parameter router: has all routes. It passes a middleware that is added after them only what they do not take.
    init(of router: Router<PeerContext>) {
        methods = Dictionary(grouping: router.routes) { Self.parts(of: $0.path.description) }.mapValues { routes in
            let methods = routes.map(\.method)
            return (methods.contains(.get) ? methods + [.head] : methods).sorted { $0.rawValue < $1.rawValue }
        }
    }

    func handle(
        _ request: Request, context: PeerContext, next: (Request, PeerContext) async throws -> Response
    ) async throws -> Response {
        throw refusal(of: request.method, request.uri.path)
    }

    func refusal(of method: HTTPRequest.Method, _ path: String) -> RequestRefusal {
        guard let allowed = methods[Self.parts(of: path)] else { return .unknownPath(path) }
        return .unknownMethod(method, path: path, allowed: allowed)
    }

    private static func parts(of path: String) -> [Substring] { path.split(separator: "/") }
}
