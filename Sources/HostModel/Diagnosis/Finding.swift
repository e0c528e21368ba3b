// SPDX-License-Identifier: GPL-3.0-or-later

/// The result of one check, and how to fix it.
public struct Finding: Hashable, Sendable {
    /// Stable, for programs: `iommu-off-in-firmware`, `group-shared`, …
    public let code: String
    public let severity: Severity
    /// An address, a group, a file or `host`.
    public let subject: String
    /// The fact that was found, in one line.
    public let what: String
    /// Why it matters; empty if nothing is wrong.
    public let why: String
    /// How to fix it: the command to run or the line to write; nil if nothing is wrong.
    public let remedy: String?

    public enum Severity: String, Hashable, Sendable, Codable, CaseIterable {
        /// Nothing can be passed through until it is fixed.
        case blocker
        /// Something will fail, or other software will interfere.
        case warning
        /// It works, but could work better.
        case advice
        case ok
    }

    public init(
        _ severity: Severity, _ code: String, subject: String = "host", _ what: String, why: String = "",
        remedy: String? = nil
    ) {
        self.code = code
        self.severity = severity
        self.subject = subject
        self.what = what
        self.why = why
        self.remedy = remedy
    }
}

/// The results of all checks, the most severe first.
public struct Diagnosis: Hashable, Sendable {
    public let findings: [Finding]

    /// Whether there is no blocker.
    public var passthroughWorks: Bool { count(.blocker) == 0 }

    public func count(_ severity: Finding.Severity) -> Int { findings.count { $0.severity == severity } }

    public func findings(_ severity: Finding.Severity) -> [Finding] { findings.filter { $0.severity == severity } }

    /// Examines a host.
    ///
    /// Facts that are unknown are skipped: a guess would be wrong in either direction.
    ///
    /// - Parameter problems: the daemon's reports of what differs from the declaration, one line each.
    public init(of host: HostSnapshot, on platform: PlatformFacts, problems: [String] = []) {
        let examination = Examination(host: host, platform: platform)
        // Each check builds on those before it.
        let found =
            examination.iommu() + examination.interrupts() + examination.modules() + examination.groups()
            + examination.cards() + examination.memory() + examination.services() + examination.hooks()
            + examination.rivals() + problems.map(Finding.init(degraded:)) + examination.blindSpots()
        findings = Finding.Severity.allCases.flatMap { severity in found.filter { $0.severity == severity } }
    }
}

extension Finding {
    fileprivate init(degraded problem: String) {
        self.init(
            .warning, "daemon-degraded", "the daemon reports: \(problem)",
            why: "part of the declared state is not applied",
            remedy: "run buslane config check; buslane plan shows what is missing")
    }
}

/// The facts that every check uses.
struct Examination {
    let host: HostSnapshot
    let platform: PlatformFacts

    /// Whether there is a real IOMMU: VFIO can also create groups without one.
    var hasIOMMU: Bool { host.iommu.enabled && !(platform.makesUpGroups == true && host.iommu.kind == nil) }

    /// Files that could not be read may hide findings.
    func blindSpots() -> [Finding] {
        guard !platform.unreadable.isEmpty else { return [] }
        return [
            Finding(
                .advice, "not-everything-read", "could not read \(list(platform.unreadable, atMost: 4))",
                why: "problems in these files are not reported", remedy: "sudo buslane doctor")
        ]
    }

    /// `a, b and 3 more`.
    func list(_ items: [some CustomStringConvertible], atMost limit: Int = 4) -> String {
        let shown = items.count > limit ? items.prefix(limit - 1) : items[...]
        let names = shown.map(\.description).joined(separator: ", ")
        return shown.count < items.count ? "\(names) and \(items.count - shown.count) more" : names
    }
}
