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

    /// - Parameter strictly: whether fields that the document does not have are refused.
    func decoded<Value: Decodable>(as type: Value.Type, strictly: Bool = true) async throws -> Value {
        let bytes = [UInt8]((try await body.collect(upTo: Self.sizeLimit)).readableBytesView)
        return try strictly ? JSON.decodeStrictly(type, from: bytes) : JSON.decode(type, from: bytes)
    }
}

/// A response of JSON documents, one on each line.
struct JSONLines {
    fileprivate var writer: any ResponseBodyWriter

    mutating func write(_ document: some Encodable) async throws {
        try await writer.write(ByteBuffer(bytes: try JSON.encode(document, pretty: false) + [0x0a]))
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
