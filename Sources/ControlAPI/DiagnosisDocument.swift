// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// `buslane doctor --json`
public struct DiagnosisDocument: Codable, Sendable, Equatable {
    public var schemaVersion = 1
    /// No finding is a blocker.
    public var passthroughWorks: Bool
    /// The gravest first.
    public var findings: [Finding]

    public struct Finding: Codable, Sendable, Equatable {
        /// Stable, for programs: `iommu-off-in-firmware`, `group-not-viable`, …
        public var code: String
        public var severity: HostModel.Finding.Severity
        /// An address, a group, a file, or `host`.
        public var subject: String
        public var what: String
        /// Empty where nothing is wrong.
        public var why: String
        @ExplicitNull public var remedy: String?
    }

    public init(_ diagnosis: Diagnosis) {
        passthroughWorks = diagnosis.passthroughWorks
        findings = diagnosis.findings.map {
            Finding(
                code: $0.code, severity: $0.severity, subject: $0.subject, what: $0.what, why: $0.why,
                remedy: $0.remedy)
        }
    }
}
