// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Hummingbird
import Ledger

extension API {
    func addLedgerRoutes(to router: Router<PeerContext>) {
        router.get(RouterPath(Route.ledger)) { _, context in
            _ = try await root(context, "ledger check", "ledger")
            return try Response(
                json: LedgerDocument(path: file.path, problems: try await reconciler.ledger.problems()))
        }
        router.post(RouterPath(Route.ledgerBackup)) { _, context in
            let actor = try await root(context, "ledger backup", "ledger")
            let copy = try await reconciler.audited("ledger backup", subject: "ledger", detail: "", by: actor) {
                try file.backup(of: reconciler.ledger, at: Ledger.wallClock())
            }
            return try Response(json: LedgerDocument(path: copy))
        }
        router.post(RouterPath(Route.ledgerRestore)) { request, context in
            let asked = try await body(LedgerRestoreRequest.self, of: request)
            let actor = try await root(context, "ledger restore", asked.path)
            try await reconciler.audited("ledger restore", subject: asked.path, detail: "", by: actor) {
                try await file.restore(from: asked.path, replacing: reconciler.ledger, force: asked.force)
            }
            return try Response(json: LedgerDocument(path: asked.path))
        }
    }
}
