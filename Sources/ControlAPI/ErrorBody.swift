// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// What a refusal or failure looks like as JSON: `{"error": {"code", "subject", "message", "remedy"}}`.
public struct ErrorBody: Codable, Sendable, Equatable, Error {
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

    public init(_ refusal: Refusal) {
        self.init(
            code: refusal.code, subject: refusal.subject, message: refusal.message, remedy: refusal.remedy)
    }
}

/// How a command ends.
public enum ExitStatus: Int32, Sendable {
    case done = 0
    /// Refused or failed.
    case refused = 1
    case usage = 64
    case daemonUnreachable = 69
    /// No capacity, or timed out.
    case notNow = 75
    case notPermitted = 77
}

extension ExitStatus {
    /// The code that a status of the API stands for.
    public init(httpStatus: Int) {
        self =
            switch httpStatus {
            case 200..<300: .done
            case 400: .usage
            case 401, 403: .notPermitted
            case 503: .notNow
            default: .refused
            }
    }
}
