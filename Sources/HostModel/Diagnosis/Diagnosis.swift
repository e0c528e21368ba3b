// SPDX-License-Identifier: GPL-3.0-or-later

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
    /// - Parameters:
    ///   - problems: the daemon's reports of what differs from the declaration, one line each.
    ///   - records: what the daemon found by its records.
    public init(
        of host: HostSnapshot, on platform: PlatformFacts, problems: [String] = [], records: [Finding] = []
    ) {
        let found = Examination(host: host, platform: platform, problems: problems, records: records).findings
        findings = Finding.Severity.allCases.flatMap { severity in found.filter { $0.severity == severity } }
    }
}
