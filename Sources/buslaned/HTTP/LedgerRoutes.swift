// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import Hummingbird
import Ledger

/// The ledger's file.
struct LedgerRoutes: RouteGroup {
    let ledger: Ledger
    let file: LedgerFile
    let permissions: Permissions
    let audit: AuditRecorder

    func add(to router: Router<PeerContext>) {
        router.get(RouterPath(Route.ledger)) { _, context in
            try await permissions.mustBeRoot(try context.peer(), to: "ledger check", "ledger")
            return try Response(json: LedgerDocument(path: file.path, problems: try await ledger.problems()))
        }
        router.post(RouterPath(Route.ledgerBackup)) { _, context in
            let peer = try context.peer()
            try await permissions.mustBeRoot(peer, to: "ledger backup", "ledger")
            let copy = try await audit.audited("ledger backup", subject: "ledger", detail: "", by: peer.actor) {
                try file.backup(of: ledger, at: Ledger.wallClock())
            }
            return try Response(json: LedgerDocument(path: copy))
        }
        router.post(RouterPath(Route.ledgerRestore)) { request, context in
            let asked = try await request.decoded(as: LedgerRestoreRequest.self)
            let peer = try context.peer()
            try await permissions.mustBeRoot(peer, to: "ledger restore", asked.path)
            try await audit.audited("ledger restore", subject: asked.path, detail: "", by: peer.actor) {
                try await file.restore(from: asked.path, replacing: ledger, force: asked.force)
            }
            return try Response(json: LedgerDocument(path: asked.path))
        }
    }
}
