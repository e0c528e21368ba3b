// SPDX-License-Identifier: GPL-3.0-or-later
import GRDB
public import HostModel

extension Ledger {
    /// The live claims, oldest first.
    ///
    /// - Parameter owner: the claims' owner; nil for all owners.
    public func claims(of owner: Owner? = nil) async throws -> [Claim] {
        try await queries.run { try $0.claims.live(of: owner) }
    }

    /// A claim, live or released; nil if there is none.
    public func claim(_ id: String) async throws -> Claim? {
        guard let number = Claim.number(of: id) else { return nil }
        return try await queries.run { try $0.claims.claim(number) }
    }

    /// What the ledger knows of who holds what. Open groups, disks and foreign devices are read from the host, and are
    /// empty here.
    public func holdings() async throws -> Holdings {
        try await queries.run { db in
            var holdings = try Holdings(recordedIn: db)
            holdings.declared = try db.declared.declarations()
            return holdings
        }
    }

    /// Changes the settings that a claim demands for one of its devices. Its original state stays recorded.
    ///
    /// - Returns: false if the claim is not `bound` or has another generation. Then nothing is written.
    public func changeSettings(
        _ settings: VFSettings, ofDevice name: String, inClaim id: String, generation: Int
    ) async throws -> Bool {
        let number = Claim.number(of: id)
        return try await commits.run {
            try $0.assignments.change(settings, ofDevice: name, inClaim: number, generation: generation)
        }
    }

    /// Adopts this boot's IOMMU group numbers. The kernel numbers the groups anew at each boot.
    ///
    /// - Parameter groups: this boot's group of each present function. An assignment whose function is missing, as a VF
    ///   that is not created yet, keeps the number of its old boot.
    /// - Returns: functions that now share a group with another owner's function. They keep their old number; the group
    ///   belongs to the older claim.
    @discardableResult
    public func adopt(bootID: String, groups: [PCIAddress: Int]) async throws -> [PCIAddress] {
        try await commits.run { try $0.assignments.adopt(bootID: bootID, groups: groups) }
    }
}
