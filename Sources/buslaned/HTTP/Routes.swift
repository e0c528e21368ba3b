// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import Hummingbird
import NIOCore

/// Routes about one thing. A route decodes the request, calls a part of the daemon, and encodes the result. Rules live
/// elsewhere.
protocol RouteGroup: Sendable {
    func add(to router: Router<PeerContext>)
}

enum Routes {
    static func router(of groups: [any RouteGroup]) -> Router<PeerContext> {
        let router = Router(context: PeerContext.self)
        router.add(middleware: ErrorMapping())
        for group in groups { group.add(to: router) }
        return router
    }
}

extension Request {
    /// Larger requests are refused: a domain XML has some kilobytes. In bytes.
    private static let sizeLimit = 8 << 20

    /// The request's document. An unknown field is an error.
    func decoded<Value: RequestDocument>(as type: Value.Type) async throws -> Value {
        try JSON.decodeStrictly(type, from: try await bytes())
    }

    /// The whole body.
    func bytes() async throws -> [UInt8] {
        [UInt8](try await body.collect(upTo: Self.sizeLimit).readableBytesView)
    }
}

/// A response of JSON documents, one on each line.
struct JSONLines {
    fileprivate var writer: any ResponseBodyWriter

    mutating func write(_ document: some Encodable) async throws {
        try await writer.write(ByteBuffer(bytes: try JSON.line(document)))
    }
}

extension Response {
    init(jsonLines body: @escaping @Sendable (inout JSONLines) async throws -> Void) {
        self.init(
            status: .ok, headers: .jsonLines,
            body: ResponseBody { writer in
                var lines = JSONLines(writer: writer)
                try await body(&lines)
                try await lines.writer.finish(nil)
            })
    }
}
