// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension Ledger {
    /// The functions in quarantine, with the reason of each.
    public func quarantine() async throws -> [PCIAddress: String] {
        try await queries.run { try $0.quarantine.reasons() }
    }

    /// Puts a function into quarantine. If it is there already, its first reason stays.
    public func quarantine(_ address: PCIAddress, reason: String) async throws {
        let since = timestamp()
        try await commits.run { try $0.quarantine.add(address, reason: reason, since: since) }
    }

    /// Takes a function out of quarantine.
    ///
    /// - Parameter detail: the reason, for the event.
    public func liftQuarantine(of address: PCIAddress, detail: String) async throws {
        let at = timestamp()
        try await commits.run { try $0.quarantine.remove(address, detail: detail, at: at) }
    }
}
