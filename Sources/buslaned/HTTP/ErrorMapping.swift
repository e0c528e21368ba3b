// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HTTPTypes
import HostModel
import Hummingbird
import NIOCore
import NIOHTTP1

/// Turns the errors of all routes into a status and an ``ErrorBody``.
struct ErrorMapping: RouterMiddleware {
    typealias Context = PeerContext

    func handle(
        _ request: Request, context: PeerContext, next: (Request, PeerContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let (status, body) = Self.answer(to: error)
            // The client disconnected during its request: nothing failed here.
            if error is ChannelError || error is IOError || error is HTTPParserError {
                context.logger.debug("the client disconnected", metadata: ["path": "\(request.uri.path)"])
            } else if status == .internalServerError {
                context.logger.error("request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            }
            let isPlain = request.headers[.accept] == "text/plain"
            var response = Response(
                status: status, headers: isPlain ? .text : .json,
                body: .init(byteBuffer: try Self.text(of: body, isPlain: isPlain)))
            response.headers.append(contentsOf: (error as? RequestRefusal)?.headers ?? [:])
            return request.method == .head ? response.createHeadResponse() : response
        }
    }

    /// The body of the answer, in the form that the client accepts.
    static func text(of body: ErrorBody, isPlain: Bool) throws -> ByteBuffer {
        isPlain ? ByteBuffer(string: body.error.line + "\n") : ByteBuffer(bytes: try JSON.encode(body))
    }

    static func answer(to error: any Error) -> (HTTPResponse.Status, ErrorBody) {
        switch error {
        case let error as RequestRefusal: (error.status, ErrorBody(error))
        case let error as any Reportable: (error.report.kind.status, ErrorBody(error))
        case is HTTPParserError: answer(to: RequestRefusal.notHTTP)
        case let error as DecodingError: answer(to: MalformedDocument(error))
        case let error as any HTTPResponseError:
            (error.status, ErrorBody(code: "http", subject: "request", message: "\(error.status)"))
        default: answer(to: UnexpectedError())
        }
    }
}

extension ErrorKind {
    var status: HTTPResponse.Status {
        switch self {
        case .malformed: .badRequest
        case .notPermitted: .forbidden
        case .notFound: .notFound
        case .conflict: .conflict
        case .unprocessable: .unprocessableContent
        case .failed: .internalServerError
        case .noRoom: HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage")
        case .tooMany: .tooManyRequests
        case .notNow, .unreachable: .serviceUnavailable
        }
    }
}

/// An error of a library that is not mapped to any other type. The log has its text.
struct UnexpectedError: Reportable {
    var report: ErrorReport {
        ErrorReport(
            .failed, "internal", "daemon", "buslaned failed with an unexpected error",
            remedy: "journalctl -u buslaned shows it")
    }
}

extension ErrorBody.Detail {
    /// One line without JSON, for libvirt's hook.
    fileprivate var line: String { message + (remedy.map { " (fix: \($0))" } ?? "") }
}

extension HTTPFields {
    static let text: HTTPFields = [.contentType: "text/plain; charset=utf-8"]
    static let json: HTTPFields = [.contentType: "application/json"]
    /// One JSON document on each line.
    static let jsonLines: HTTPFields = [.contentType: "application/x-ndjson"]
}

extension Response {
    /// - Parameter pretty: indented over several lines; otherwise one line that ends with a line feed.
    init(json value: some Encodable, status: HTTPResponse.Status = .ok, pretty: Bool = true) throws {
        let bytes = try pretty ? JSON.encode(value) : JSON.line(value)
        self.init(
            status: status, headers: pretty ? .json : .jsonLines, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
