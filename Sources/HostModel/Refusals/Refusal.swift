// SPDX-License-Identifier: GPL-3.0-or-later

/// Why Buslane does not do what was asked. Nothing was changed.
///
/// The cases are grouped by what they are about. Each group says its code, kind, message and remedy beside its cases.
public enum Refusal: Reportable, Hashable {
    case function(PCIAddress, FunctionObstacle)
    case pool(String, PoolObstacle)
    case claim(String, ClaimObstacle)
    case domain(String, DomainObstacle)
    case declaration(DeclarationObstacle)
    case request(RequestMistake)
    /// No IOMMU isolates any function.
    case noIOMMU
    /// `what` is a verb with its object's kind, `subject` the object: `claim from pool`, `fast`.
    case notPermitted(what: String, subject: String, user: String, remedy: String)

    public var report: ErrorReport {
        switch self {
        case .function(let address, let obstacle): obstacle.report(on: address)
        case .pool(let name, let obstacle): obstacle.report(on: name)
        case .claim(let id, let obstacle): obstacle.report(on: id)
        case .domain(let name, let obstacle): obstacle.report(on: name)
        case .declaration(let obstacle): obstacle.report
        case .request(let mistake): mistake.report
        case .noIOMMU:
            ErrorReport(
                .conflict, "no-iommu", "host",
                "cannot pass anything through: this host has no IOMMU that is switched on",
                remedy: "buslane doctor says why, and how to switch it on")
        case .notPermitted(let what, let subject, let user, let remedy):
            ErrorReport(.notPermitted, "not-permitted", subject, "\(user) may not \(what) \(subject)", remedy: remedy)
        }
    }
}
