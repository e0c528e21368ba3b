// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import ControlAPI
import DomainXML
import HTTPTypes
import HostModel
import Hummingbird
import Ledger
import Libvirt
import NIOCore
import NIOHTTP1

/// The one place where what went wrong becomes a status and an ``ErrorBody``.
struct ErrorMapping: RouterMiddleware {
    typealias Context = PeerContext

    func handle(
        _ request: Request, context: PeerContext, next: (Request, PeerContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let (status, body) = Self.answer(to: error)
            // Whoever went away in the middle of their request gets no answer, and is no trouble of ours.
            if error is ChannelError || error is IOError || error is HTTPParserError {
                context.logger.debug("the caller is gone", metadata: ["path": "\(request.uri.path)"])
            } else if status == .internalServerError {
                context.logger.error("request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            }
            if request.headers[.accept] == "text/plain" { return Response(text: body.error.line, status: status) }
            return try Response(json: body, status: status)
        }
    }

    static func answer(to error: any Error) -> (HTTPResponse.Status, ErrorBody) {
        switch error {
        case let refusal as Refusal: (refusal.status, ErrorBody(refusal))
        case let error as ConfigurationError:
            (
                .unprocessableContent,
                ErrorBody(
                    code: "bad-configuration", subject: error.place.description, message: error.description,
                    remedy: error.remedy)
            )
        case let error as DomainXMLError:
            (
                .unprocessableContent,
                ErrorBody(
                    code: "bad-domain-xml", subject: "domain XML", message: error.description, remedy: error.remedy)
            )
        case let error as LibvirtError:
            error.answer
        case let error as MalformedValue:
            (.badRequest, ErrorBody(code: "malformed", subject: error.text, message: error.description))
        case let error as Executor.Failure:
            (
                .conflict,
                ErrorBody(
                    code: "step-failed", subject: error.action.subject.description, message: error.description,
                    remedy: "buslane audit shows the steps; dmesg may say more")
            )
        case let error as ConfirmationNeeded:
            (
                .conflict,
                ErrorBody(
                    code: "confirmation-needed", subject: "host", message: error.description,
                    remedy: "buslane plan shows it; agree with buslane apply --yes")
            )
        case let trouble as LedgerFile.Trouble:
            (
                .conflict,
                ErrorBody(
                    code: "ledger", subject: "ledger", message: trouble.description, remedy: trouble.remedy)
            )
        case is DecodingError:
            (
                .badRequest,
                ErrorBody(
                    code: "malformed", subject: "request", message: "the request is not what the route takes: \(error)")
            )
        case let error as any HTTPResponseError:
            (error.status, ErrorBody(code: "http", subject: "request", message: "\(error.status)"))
        default: (.internalServerError, ErrorBody(code: "internal", subject: "daemon", message: "\(error)"))
        }
    }
}

extension LibvirtError {
    fileprivate var answer: (HTTPResponse.Status, ErrorBody) {
        let (status, code, remedy): (HTTPResponse.Status, String, String?) =
            switch self {
            case .noSuchDomain: (.notFound, "unknown-domain", "virsh list --all lists the domains")
            case .unreachable: (.serviceUnavailable, "libvirt-unreachable", "systemctl start libvirtd")
            case .noAnswer:
                (.serviceUnavailable, "libvirt-not-answering", "try again; a hook that runs makes libvirt wait as well")
            case .connectionLost: (.serviceUnavailable, "libvirt-lost", "see what came of it, and try again")
            case .refused: (.conflict, "libvirt", nil)
            }
        return (status, ErrorBody(code: code, subject: "libvirt", message: description, remedy: remedy))
    }
}

extension LedgerFile.Trouble {
    fileprivate var remedy: String? {
        switch self {
        case .wouldForget: "release them first, or say --force: their functions then have no owner"
        case .inUse: "stop the other one"
        case .newer: "use the version that wrote it"
        case .unusable: nil
        }
    }
}

extension Refusal {
    fileprivate var status: HTTPResponse.Status {
        switch self {
        case .unknownFunction, .unknownPool, .unknownClaim, .unknownProcess: .notFound
        case .notPermitted: .forbidden
        case .countOutOfRange, .badMAC, .macNeedsOneFunction: .badRequest
        default: isTemporary ? .serviceUnavailable : .conflict
        }
    }
}

extension ConfirmationNeeded: CustomStringConvertible {
    var description: String {
        var parts: [String] = []
        if !blastRadius.functions.isEmpty { parts.append("\(blastRadius.functions.count) VFs would vanish") }
        if !blastRadius.interfaces.isEmpty {
            parts.append("with them the host's interfaces \(blastRadius.interfaces.joined(separator: ", "))")
        }
        return parts.joined(separator: ", ")
    }
}

extension ErrorBody.Detail {
    /// For who has one line and no JSON: libvirt's hook.
    fileprivate var line: String { message + (remedy.map { " (fix: \($0))" } ?? "") }
}

extension HTTPFields {
    static let text: HTTPFields = [.contentType: "text/plain; charset=utf-8"]
    static let json: HTTPFields = [.contentType: "application/json"]
    /// JSON documents, a line each.
    static let jsonLines: HTTPFields = [.contentType: "application/x-ndjson"]
}

extension Response {
    /// - Parameter pretty: on lines that a person can read; else on one, with its end.
    init(json value: some Encodable, status: HTTPResponse.Status = .ok, pretty: Bool = true) throws {
        let bytes = try JSON.encode(value, pretty: pretty) + (pretty ? [] : [0x0a])
        self.init(
            status: status, headers: pretty ? .json : .jsonLines, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    init(text: String, status: HTTPResponse.Status) {
        self.init(status: status, headers: .text, body: .init(byteBuffer: ByteBuffer(string: text + "\n")))
    }
}
