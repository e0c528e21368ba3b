// SPDX-License-Identifier: GPL-3.0-or-later
import HTTPTypes
public import HostModel
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOPosix

/// Why a request to the daemon got no answer, or an error.
public enum ControlError: Sendable {
    /// Nothing listens on the socket.
    case unreachable(socket: String, reason: String)
    /// The socket exists, and this user may not connect to it.
    case notPermitted(socket: String)
    case timedOut(socket: String)
    /// The daemon answered with an error.
    case refused(ErrorBody.Detail, status: Int)
    /// The answer has not the form of this API.
    case garbled(String)
}

extension ControlError: Reportable {
    public var report: ErrorReport {
        switch self {
        case .unreachable(let socket, _):
            ErrorReport(
                .unreachable, "daemon-unreachable", socket, "no daemon answers at \(socket)",
                remedy: "systemctl start buslaned")
        case .notPermitted(let socket):
            ErrorReport(
                .notPermitted, "not-permitted", socket, "no permission to use \(socket)",
                remedy: "run as root, or join the group buslane")
        case .timedOut(let socket):
            ErrorReport(
                .notNow, "timed-out", socket, "the daemon at \(socket) did not answer in time",
                remedy: "try again; journalctl -u buslaned shows what it is doing")
        case .refused(let detail, let status):
            ErrorReport(
                ErrorKind(httpStatus: status), detail.code, detail.subject, detail.message, remedy: detail.remedy)
        case .garbled(let problem):
            ErrorReport(
                .failed, "garbled-answer", "daemon", "cannot understand the daemon's answer: \(problem)",
                remedy: "check that buslane and buslaned have the same version")
        }
    }
}

/// Speaks to the daemon: one request a connection, over one of its unix sockets.
public struct ControlClient: Sendable {
    /// The socket that errors name: the last one to be tried.
    public let socketPath: String
    private let before: ArraySlice<String>

    /// - Parameter socketPaths: the sockets to try, in this order, until one takes the connection.
    public init(socketPaths: [String]) {
        socketPath = socketPaths.last ?? SocketPath.standard
        before = socketPaths.dropLast()
    }

    /// In bytes. No answer of the daemon's is larger.
    private static let limit = 256 << 20

    public func get<Answer: Decodable>(
        _ route: String, as type: Answer.Type, within deadline: Duration = .seconds(60)
    ) async throws(ControlError) -> Answer {
        try Self.decode(type, from: try await send(.get, route, body: [], within: deadline))
    }

    public func post<Answer: Decodable>(
        _ route: String, _ request: some Encodable, as type: Answer.Type, within deadline: Duration = .seconds(600)
    ) async throws(ControlError) -> Answer {
        try Self.decode(
            type, from: try await send(.post, route, body: try Self.encode(request), within: deadline))
    }

    private static func encode(_ request: some Encodable) throws(ControlError) -> [UInt8] {
        do { return try JSON.encode(request, pretty: false) } catch {
            throw .garbled("the request cannot be written as JSON")
        }
    }

    /// The answer as it was sent.
    public func text(_ route: String, within deadline: Duration = .seconds(60)) async throws(ControlError) -> [UInt8] {
        try await send(.get, route, body: [], within: deadline)
    }

    /// A stream of documents, one a line, until the daemon ends it or `take` throws.
    public func lines<Line: Decodable & Sendable>(
        _ route: String, as type: Line.Type, _ take: @escaping @Sendable (Line) async throws -> Void
    ) async throws(ControlError) {
        try await lines(.get, route, [], as: type, take)
    }

    /// The same in answer to a request.
    public func lines<Line: Decodable & Sendable>(
        _ route: String, posting request: some Encodable, as type: Line.Type,
        _ take: @escaping @Sendable (Line) async throws -> Void
    ) async throws(ControlError) {
        try await lines(.post, route, try Self.encode(request), as: type, take)
    }

    private func lines<Line: Decodable & Sendable>(
        _ method: HTTPRequest.Method, _ route: String, _ body: [UInt8], as type: Line.Type,
        _ take: @escaping @Sendable (Line) async throws -> Void
    ) async throws(ControlError) {
        let answer = try await reported {
            try await exchange(method, route, body) { parts in
                var status = 0
                var rest: [UInt8] = []
                for try await part in parts {
                    switch part {
                    case .head(let head): status = head.status.code
                    case .body(let buffer):
                        rest.append(contentsOf: buffer.readableBytesView)
                        guard (200..<300).contains(status) else { continue }
                        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                            try await take(try JSON.decode(type, from: Array(rest[..<end])))
                            rest.removeFirst(end + 1)
                        }
                    case .end: return (status: status, body: rest)
                    }
                }
                return (status: status, body: rest)
            }
        }
        _ = try Self.accepted(answer)
    }

    private static func decode<Answer: Decodable>(
        _ type: Answer.Type, from bytes: [UInt8]
    ) throws(ControlError) -> Answer {
        do { return try JSON.decode(type, from: bytes) } catch let error as DecodingError {
            throw .garbled(MalformedDocument(error, in: "answer").message)
        } catch {
            throw .garbled("it is not a document of this API")
        }
    }

    private func send(
        _ method: HTTPRequest.Method, _ path: String, body: [UInt8], within deadline: Duration
    ) async throws(ControlError) -> [UInt8] {
        let answer = try await reported {
            try await withThrowingTaskGroup(of: (status: Int, body: [UInt8])?.self) { group in
                group.addTask { try await exchange(method, path, body, Self.whole) }
                group.addTask {
                    try await Task.sleep(for: deadline)
                    return nil
                }
                defer { group.cancelAll() }
                return try await group.next() ?? nil
            }
        }
        guard let answer else { throw .timedOut(socket: socketPath) }
        return try Self.accepted(answer)
    }

    /// The body of a successful answer.
    ///
    /// - Throws: the refusal of any other answer.
    private static func accepted(_ answer: (status: Int, body: [UInt8])) throws(ControlError) -> [UInt8] {
        if (200..<300).contains(answer.status) { return answer.body }
        guard let refusal = try? JSON.decode(ErrorBody.self, from: answer.body) else {
            throw .garbled("HTTP status \(answer.status)")
        }
        throw .refused(refusal.error, status: answer.status)
    }

    /// Maps transport errors to what they mean for the caller.
    private func reported<Result: Sendable>(
        _ talk: () async throws -> Result
    ) async throws(ControlError) -> Result {
        do {
            return try await talk()
        } catch let error as ControlError {
            throw error
        } catch let error as IOError where error.errnoCode == EACCES || error.errnoCode == EPERM {
            throw .notPermitted(socket: socketPath)
        } catch {
            throw .unreachable(socket: socketPath, reason: "\(error)")
        }
    }

    private func exchange<Result: Sendable>(
        _ method: HTTPRequest.Method, _ path: String, _ body: [UInt8],
        _ read: @escaping @Sendable (NIOAsyncChannelInboundStream<HTTPResponsePart>) async throws -> Result
    ) async throws -> Result {
        return try await connected().executeThenClose { inbound, outbound in
            var request = HTTPRequest(method: method, scheme: nil, authority: "localhost", path: path)
            request.headerFields[.connection] = "close"
            if !body.isEmpty {
                request.headerFields[.contentType] = "application/json"
                request.headerFields[.contentLength] = String(body.count)
            }
            try await outbound.write(.head(request))
            if !body.isEmpty { try await outbound.write(.body(ByteBuffer(bytes: body))) }
            try await outbound.write(.end(nil))
            return try await read(inbound)
        }
    }

    /// A connection to the first socket that takes one. Nothing is sent before that, so no request is sent twice.
    private func connected() async throws -> NIOAsyncChannel<HTTPResponsePart, HTTPRequestPart> {
        for path in before {
            if let channel = try? await Self.connected(to: path) { return channel }
        }
        return try await Self.connected(to: socketPath)
    }

    private static func connected(
        to path: String
    ) async throws -> NIOAsyncChannel<HTTPResponsePart, HTTPRequestPart> {
        try await ClientBootstrap(group: NIOSingletons.posixEventLoopGroup)
            // An inventory has megabytes: with reads of the usual size, passing them on would take most of the time.
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 1 << 18))
            .connect(unixDomainSocketPath: path) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(HTTP1ToHTTPClientCodec())
                    return try NIOAsyncChannel<HTTPResponsePart, HTTPRequestPart>(wrappingChannelSynchronously: channel)
                }
            }
    }

    private static func whole(
        _ parts: NIOAsyncChannelInboundStream<HTTPResponsePart>
    ) async throws -> (status: Int, body: [UInt8])? {
        var status = 0
        var bytes: [UInt8] = []
        for try await part in parts {
            switch part {
            case .head(let head): status = head.status.code
            case .body(let buffer):
                bytes.append(contentsOf: buffer.readableBytesView)
                guard bytes.count <= limit else { throw ControlError.garbled("answer too large") }
            case .end: return (status, bytes)
            }
        }
        throw ConnectionClosed()
    }
}

private struct ConnectionClosed: Error, CustomStringConvertible {
    let description = "the daemon closed the connection"
}
