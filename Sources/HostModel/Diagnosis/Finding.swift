// SPDX-License-Identifier: GPL-3.0-or-later

/// One thing that was looked at, and what is to be done about it.
public struct Finding: Hashable, Sendable {
    /// Stable, for programs: `iommu-off-in-firmware`, `group-shared`, …
    public let code: String
    public let severity: Severity
    /// An address, a group, a file, or `host`.
    public let subject: String
    /// One line: what is so.
    public let what: String
    /// Why that matters; empty where nothing is wrong.
    public let why: String
    /// The command to run or the line to write; nil where nothing is wrong.
    public let remedy: String?

    public enum Severity: String, Hashable, Sendable, Codable, CaseIterable {
        /// Nothing can be passed through while it is so.
        case blocker
        /// Something will fail, or someone else will interfere.
        case warning
        /// It works, and could work better.
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

/// Everything that was found, the gravest first.
public struct Diagnosis: Hashable, Sendable {
    public let findings: [Finding]

    /// Nothing stands in the way.
    public var passthroughWorks: Bool { count(.blocker) == 0 }

    public func count(_ severity: Finding.Severity) -> Int { findings.count { $0.severity == severity } }

    public func findings(_ severity: Finding.Severity) -> [Finding] { findings.filter { $0.severity == severity } }

    /// Judges a host by what was read of it.
    ///
    /// What is unknown is passed over: a guess would be a false alarm or a false comfort.
    ///
    /// - Parameter problems: what the daemon says is not as declared, a line each.
    public init(of host: HostSnapshot, on platform: PlatformFacts, problems: [String] = []) {
        let examination = Examination(host: host, platform: platform)
        // In the order in which the parts build on each other.
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
            .warning, "daemon-degraded", "the daemon says: \(problem)",
            why: "a part of what is declared is not in force",
            remedy: "buslane config check; buslane plan shows what is left to do")
    }
}

/// The two halves of what is known, as every part of a diagnosis needs them.
struct Examination {
    let host: HostSnapshot
    let platform: PlatformFacts

    /// Real groups, not those that VFIO makes up where no IOMMU is.
    var hasIOMMU: Bool { host.iommu.enabled && !(platform.makesUpGroups == true && host.iommu.kind == nil) }

    /// What could not be read may hide what would have been found.
    func blindSpots() -> [Finding] {
        guard !platform.unreadable.isEmpty else { return [] }
        return [
            Finding(
                .advice, "not-everything-read", "could not read \(list(platform.unreadable, atMost: 4))",
                why: "what stands there was not looked at", remedy: "sudo buslane doctor")
        ]
    }

    /// `a, b and 3 more`.
    func list(_ items: [some CustomStringConvertible], atMost limit: Int = 4) -> String {
        let shown = items.count > limit ? items.prefix(limit - 1) : items[...]
        let names = shown.map(\.description).joined(separator: ", ")
        return shown.count < items.count ? "\(names) and \(items.count - shown.count) more" : names
    }
}
