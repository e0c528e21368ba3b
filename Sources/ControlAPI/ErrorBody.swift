// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// An error as JSON: `{"error": {"code", "subject", "message", "remedy"}}`.
public struct ErrorBody: Codable, Sendable, Equatable {
    public let error: Detail

    public struct Detail: Codable, Sendable, Equatable {
        /// Stable, for programs: `vf-in-use`, `no-capacity`, …
        public let code: String
        /// An address, a pool, a claim, a file.
        public let subject: String
        /// One line: what and why.
        public let message: String
        @ExplicitNull public var remedy: String?

        public init(code: String, subject: String, message: String, remedy: String? = nil) {
            self.code = code
            self.subject = subject
            self.message = message
            self.remedy = remedy
        }
    }

    public init(code: String, subject: String, message: String, remedy: String? = nil) {
        error = Detail(code: code, subject: subject, message: message, remedy: remedy)
    }

    public init(_ error: some Reportable) {
        let report = error.report
        self.init(code: report.code, subject: report.subject, message: report.message, remedy: report.remedy)
    }
}
