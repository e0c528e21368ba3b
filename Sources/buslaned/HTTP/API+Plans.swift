// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import ControlAPI
import HostModel
import Hummingbird
import Ledger
import NIOCore
import Synchronization

extension API {
    func addPlanRoutes(to router: Router<PeerContext>) {
        router.post(RouterPath(Route.plan)) { request, _ in
            let desired = try desired(of: try await body(PlanRequest.self, of: request))
            return try Response(json: PlanDocument(try await reconciler.plan(for: desired)))
        }
        router.post(RouterPath(Route.apply)) { request, context in
            let asked = try await body(PlanRequest.self, of: request)
            let actor = try await root(context, "apply", "host")
            let done = try await reconciler.apply(try desired(of: asked), confirmed: asked.confirmed, by: actor)
            return try Response(json: PlanDocument(done))
        }
        router.post(RouterPath(Route.applySteps)) { request, context in
            let asked = try await body(PlanRequest.self, of: request)
            let actor = try await root(context, "apply", "host")
            return try await stepwise(try desired(of: asked), confirmed: asked.confirmed, by: actor)
        }
    }

    private func desired(of request: PlanRequest) throws -> DesiredState {
        guard let given = request.configuration else { return try reconciler.configuration.declared() }
        return try DesiredState(yaml: given.text, file: given.file)
    }

    /// The answer begins with the first step: what is refused before is refused in the ordinary way.
    private func stepwise(
        _ desired: DesiredState, confirmed: Bool, by actor: AuditEntry.Actor
    ) async throws -> Response {
        let (lines, sink) = AsyncStream.makeStream(of: ApplyLine.self)
        let pause = Pause(.milliseconds(100))
        // Goes on when its caller is gone: half a plan is worse than none.
        let work = Task {
            defer { sink.finish() }
            return try await reconciler.apply(desired, confirmed: confirmed, by: actor) { stride in
                if pause.isOver { sink.yield(ApplyLine(step: ApplyLine.Step(stride))) }
            }
        }
        var arrived = lines.makeAsyncIterator()
        guard let first = await arrived.next() else {
            return try Response(json: ApplyLine(done: PlanDocument(try await work.value)), pretty: false)
        }
        return Response(
            status: .ok, headers: .jsonLines,
            body: ResponseBody { writer in
                func write(_ line: ApplyLine) async throws {
                    try await writer.write(ByteBuffer(bytes: try JSON.encode(line, pretty: false) + [0x0a]))
                }
                try await write(first)
                for await line in lines { try await write(line) }
                do {
                    try await write(ApplyLine(done: PlanDocument(try await work.value)))
                } catch {
                    try await write(ApplyLine(error: ErrorMapping.answer(to: error).1.error))
                }
                try await writer.finish(nil)
            })
    }
}

/// Telling of a step costs more than some steps: nobody can read more than a few a second.
private final class Pause: Sendable {
    private let length: Duration
    private let last = Mutex<ContinuousClock.Instant?>(nil)

    init(_ length: Duration) { self.length = length }

    /// True the first time, and then at most once in the time.
    var isOver: Bool {
        last.withLock { last in
            let now = ContinuousClock.now
            if let last, last.duration(to: now) < length { return false }
            last = now
            return true
        }
    }
}

extension ApplyLine.Step {
    fileprivate init(_ stride: ApplyProgress.Step) {
        self.init(
            number: stride.number, total: stride.total, physicalFunction: stride.physicalFunction,
            action: stride.action.description)
    }
}
