// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI

/// Completions of names that only the daemon knows: none, and no message, without a daemon.
extension CompletionKind {
    static let pools = names { try await $0.get(Route.pools, as: PoolsDocument.self).pools.map(\.name) }

    static let claims = names { try await $0.get(Route.claims, as: ClaimsDocument.self).claims.map(\.id) }

    static let functions = names {
        try await $0.get(Route.inventory, as: Inventory.self).functions.map(\.address.description)
    }

    private static func names(
        _ ask: @escaping @Sendable (ControlClient) async throws -> [String]
    ) -> CompletionKind {
        .custom { _, _, typed in
            let names = (try? await ask(.of())) ?? []
            return names.filter { $0.hasPrefix(typed) }
        }
    }
}
