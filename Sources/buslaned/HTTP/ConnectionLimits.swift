// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Limits what one connection can take: a share of its user's connections, the time for a whole request, and the
/// memory for what is sent ahead of an answer.
///
/// It stands between the HTTP codec and the server. What it refuses, the server never sees.
final class ConnectionLimits: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: ClientLimits
    private let patience: TimeAmount
    /// For the client of a refused connection to send its request. Its answer says why.
    private static let refusalPatience = TimeAmount.seconds(1)

    /// nil for a user that has no limits.
    private var share: ClientShare?
    /// Why the server sees nothing of this connection any more.
    private var refusal: RequestRefusal?
    private var isRefused = false
    /// As the request's head says.
    private var wantsText = false
    /// Complete requests without a complete answer. Negative for one that was answered before its end.
    private var unanswered = 0
    private var hasBegunAnswer = false
    private var wantsToRead = false
    private var deadline: Scheduled<Void>?

    /// - Parameter patience: for a whole request to arrive, with its body.
    init(_ limits: ClientLimits, patience: TimeAmount) { (self.limits, self.patience) = (limits, patience) }

    func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { admit(context) } }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        admit(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        share = nil
    }

    private func admit(_ context: ChannelHandlerContext) {
        guard let peer = ConnectionPeers.peer(of: context.channel) else { return context.close(promise: nil) }
        do throws(RequestRefusal) {
            share = try limits.share(of: .connection, for: peer.uid)
            expectRequest(within: patience, context)
        } catch {
            refusal = error
            do throws(RequestRefusal) {
                share = try limits.share(of: .refusedConnection, for: peer.uid)
                expectRequest(within: Self.refusalPatience, context)
            } catch {
                answer(error, context)
            }
        }
    }

    // MARK: - Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if case .head(let head) = part { wantsText = head.headerFields[.accept] == "text/plain" }
        if let refusal {
            if case .end = part { answer(refusal, context) }
            return
        }
        if case .end = part {
            unanswered += 1
            if unanswered > 0 { deadline?.cancel() } else { expectRequest(within: patience, context) }
        }
        context.fireChannelRead(data)
    }

    /// Does not read ahead while a request has no answer: what a client sends then would fill the memory.
    func read(context: ChannelHandlerContext) {
        if unanswered > 0 { wantsToRead = true } else { context.read() }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard refusal == nil else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(data, promise: promise)
        switch unwrapOutboundIn(data) {
        case .head: hasBegunAnswer = true
        case .body: break
        case .end:
            hasBegunAnswer = false
            unanswered -= 1
            if unanswered == 0 { expectRequest(within: patience, context) }
            if unanswered <= 0, wantsToRead {
                wantsToRead = false
                context.read()
            }
        }
    }

    // MARK: - Refusals

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The answer to an earlier request comes first; the server then says that this one is no request.
        guard error is HTTPParserError, unanswered <= 0, !hasBegunAnswer else {
            return context.fireErrorCaught(error)
        }
        answer(.notHTTP, context)
    }

    /// Ends the connection unless a whole request arrives in this time.
    private func expectRequest(within time: TimeAmount, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        guard share != nil else { return }
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: time) { [self] in
            if hasBegunAnswer { return context.close(promise: nil) }
            answer(refusal ?? .tooSlow(seconds: Int(patience.nanoseconds / 1_000_000_000)), context)
        }
    }

    /// Answers with the error, and closes the connection.
    private func answer(_ error: RequestRefusal, _ context: ChannelHandlerContext) {
        guard !isRefused else { return }
        isRefused = true
        deadline?.cancel()
        refusal = error
        guard let text = try? ErrorMapping.text(of: ErrorBody(error), isPlain: wantsText) else {
            return context.close(promise: nil)
        }
        var head = HTTPResponse(status: error.status, headerFields: error.headers)
        head.headerFields[.connection] = "close"
        head.headerFields[.contentLength] = String(text.readableBytes)
        head.headerFields.append(contentsOf: wantsText ? HTTPFields.text : HTTPFields.json)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(text)), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }
}
