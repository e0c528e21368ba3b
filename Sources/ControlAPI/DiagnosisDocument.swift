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
        findings = diagnosis.findings.map { Finding($0) }
    }
}

extension DiagnosisDocument.Finding {
    public init(_ finding: HostModel.Finding) {
        code = finding.code
        severity = finding.severity
        subject = finding.subject
        what = finding.what
        why = finding.why
        remedy = finding.remedy
    }
}

extension Finding {
    public init(_ found: DiagnosisDocument.Finding) {
        self.init(
            found.severity, found.code, subject: found.subject, found.what, why: found.why, remedy: found.remedy)
    }
}

/// `GET /v1/findings`
public struct FindingsDocument: Codable, Sendable {
    public var schemaVersion = 1
    /// The findings of `buslane doctor` that need the daemon's records.
    public var findings: [DiagnosisDocument.Finding]

    public init(_ findings: [Finding]) { self.findings = findings.map { DiagnosisDocument.Finding($0) } }
}
