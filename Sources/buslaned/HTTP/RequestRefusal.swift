// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HTTPTypes
import HostModel

/// A request that is refused before its document is read.
enum RequestRefusal: Reportable, Equatable {
    case unknownPath(String)
    case unknownMethod(HTTPRequest.Method, path: String, allowed: [HTTPRequest.Method])
    /// In bytes.
    case tooLarge(limit: Int)
    /// A chunk, a header or another part is not of the protocol's form.
    case notHTTP
    /// It did not arrive in this time.
    case tooSlow(seconds: Int)
    /// - user: nil for all users together.
    case tooMany(ClientLoad.Resource, user: UInt32?, limit: Int)

    var report: ErrorReport {
        switch self {
        case .unknownPath(let path):
            ErrorReport(
                .notFound, "http", path, "there is no path '\(path)'", remedy: "openapi.yaml has every path")
        case .unknownMethod(let method, let path, let allowed):
            ErrorReport(
                .malformed, "method-not-allowed", path,
                "'\(path)' does not have the method \(method.rawValue), only \(Self.list(allowed))")
        case .tooLarge(let limit):
            ErrorReport(.malformed, "http", "request", "the request's body is larger than \(limit) bytes")
        case .notHTTP:
            ErrorReport(.malformed, "http", "request", "the request is not well-formed HTTP, or its head is too long")
        case .tooSlow(let seconds):
            ErrorReport(
                .notNow, "request-timeout", "request", "the request did not arrive within \(seconds) s",
                remedy: "send a request at once, with its whole body")
        case .tooMany(let resource, let user, let limit):
            ErrorReport(
                .tooMany, resource.code, user.map { "user \($0)" } ?? "users",
                user.map { "user \($0) has \(resource.amount(limit)), and may have no more" }
                    ?? "all users together have \(resource.amount(limit)), and the daemon takes no more",
                remedy: resource.remedy)
        }
    }

    var status: HTTPResponse.Status {
        switch self {
        case .unknownPath: .notFound
        case .unknownMethod: .methodNotAllowed
        case .tooLarge: .contentTooLarge
        case .notHTTP: .badRequest
        case .tooSlow: .requestTimeout
        case .tooMany: .tooManyRequests
        }
    }

    /// Source: RFC 9110, 10.2.1 and 10.2.3.
    var headers: HTTPFields {
        switch self {
        case .unknownMethod(_, _, let allowed): [.allow: Self.list(allowed)]
        case .tooMany: [.retryAfter: "1"]
        case .unknownPath, .tooLarge, .notHTTP, .tooSlow: [:]
        }
    }

    private static func list(_ methods: [HTTPRequest.Method]) -> String {
        methods.map(\.rawValue).joined(separator: ", ")
    }
}

extension ClientLoad.Resource {
    fileprivate var code: String {
        switch self {
        case .connection, .refusedConnection: "too-many-connections"
        case .request: "too-many-requests"
        case .bodyByte: "too-much-sent"
        case .waitingClaim: "too-many-waiting"
        case .stream: "too-many-streams"
        }
    }

    fileprivate func amount(_ number: Int) -> String {
        switch self {
        case .connection, .refusedConnection: "\(number) connections"
        case .request: "\(number) requests in progress"
        case .bodyByte: "requests in progress with \(number) bytes"
        case .waitingClaim: "\(number) requests that wait for functions"
        case .stream: "\(number) streams open"
        }
    }

    fileprivate var remedy: String {
        switch self {
        case .connection, .refusedConnection: "close connections that are not in use, then try again"
        case .request, .bodyByte: "wait for the answers to earlier requests, then try again"
        case .waitingClaim: "wait until earlier requests have their functions, or end them"
        case .stream: "end a stream, then try again"
        }
    }
}
