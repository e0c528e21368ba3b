// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import ControlAPI
import HostModel
import Hummingbird
import Ledger
import Synchronization

/// Planning and applying a declared state.
struct PlanRoutes: RouteGroup {
    let configuration: ConfigurationInForce
    let permissions: Permissions
    let apply: ApplyRunner
    let threads: WorkThreads

    func add(to router: Router<PeerContext>) {
        router.post(RouterPath(Route.plan)) { request, _ in
            let desired = try desired(of: try await request.decoded(as: PlanRequest.self))
            return try Response(json: PlanDocument(try await apply.plan(for: desired)))
        }
        router.post(RouterPath(Route.apply)) { request, context in
            let asked = try await request.decoded(as: PlanRequest.self)
            let actor = try await root(context)
            let done = try await apply.apply(try desired(of: asked), confirmed: asked.confirmed, by: actor)
            return try Response(json: PlanDocument(done))
        }
        router.post(RouterPath(Route.applySteps)) { request, context in
            let asked = try await request.decoded(as: PlanRequest.self)
            let actor = try await root(context)
            return try await stepwise(try desired(of: asked), confirmed: asked.confirmed, by: actor, context)
        }
    }

    private func root(_ context: PeerContext) async throws -> AuditEntry.Actor {
        let peer = try context.peer()
        try await permissions.mustBeRoot(peer, to: "apply", "host")
        return peer.actor
    }

    private func desired(of request: PlanRequest) throws -> DesiredState {
        guard let given = request.configuration else { return try configuration.declared() }
        return try DesiredState(yaml: given.text, file: given.file)
    }

    /// The response begins with the first step. A refusal before that is an ordinary error response.
    private func stepwise(
        _ desired: DesiredState, confirmed: Bool, by actor: AuditEntry.Actor, _ context: PeerContext
    ) async throws -> Response {
        let (lines, sink) = AsyncStream.makeStream(of: ApplyLine.self)
        let pause = Pause(.milliseconds(100))
        // Continues when its client disconnects, so that no plan stays half applied.
        let work = Task(executorPreference: threads.of(actor.uid)) {
            defer { sink.finish() }
            return try await apply.apply(desired, confirmed: confirmed, by: actor) { step in
                if pause.isOver { sink.yield(ApplyLine(step: ApplyLine.Step(step))) }
            }
        }
        var arrived = lines.makeAsyncIterator()
        guard let first = await arrived.next() else {
            return try Response(json: ApplyLine(done: PlanDocument(try await work.value)), pretty: false)
        }
        return Response(for: context) { output in
            try await output.write(first)
            for await line in lines { try await output.write(line) }
            do {
                try await output.write(ApplyLine(done: PlanDocument(try await work.value)))
            } catch {
                try await output.write(ApplyLine(error: ErrorMapping.answer(to: error).1.error))
            }
        }
    }
}

/// Limits how often steps are reported: a report costs more than some steps, and a person reads only a few lines a
/// second.
private final class Pause: Sendable {
    private let length: Duration
    private let last = Mutex<ContinuousClock.Instant?>(nil)

    init(_ length: Duration) { self.length = length }

    /// True at the first read, and then at most once per length.
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
    fileprivate init(_ step: ApplyProgress.Step) {
        self.init(
            number: step.number, total: step.total, physicalFunction: step.physicalFunction,
            action: step.action.description)
    }
}
