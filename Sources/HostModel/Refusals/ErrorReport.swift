// SPDX-License-Identifier: GPL-3.0-or-later
import PrintableText

/// What an error says to a person and to a program.
public struct ErrorReport: Hashable, Sendable {
    /// Decides the HTTP status and the exit code.
    public let kind: ErrorKind
    /// A stable name for programs: lower-case words joined by hyphens.
    public let code: String
    /// An address, a pool, a claim, a file.
    public let subject: String
    /// One line: what failed and why. No full stop at the end.
    public let message: String
    /// One line: what the reader can do about it; nil where the message says it.
    public let remedy: String?

    /// The texts become printable, and are cut: a client can send a name of megabytes.
    public init(
        _ kind: ErrorKind, _ code: String, _ subject: some CustomStringConvertible, _ message: String,
        remedy: String? = nil
    ) {
        self.kind = kind
        self.code = code
        self.subject = subject.description.cut(to: Self.limit).printable
        self.message = message.cut(to: Self.limit).printable
        self.remedy = remedy?.cut(to: Self.limit).printable
    }

    /// Of each text, in Unicode scalars. No error of Buslane's own needs as many.
    private static let limit = 4000
}

/// The sort of an error. The HTTP status and the exit code of a command follow from it.
public enum ErrorKind: Hashable, Sendable, CaseIterable {
    /// The request itself is wrong, on any host.
    case malformed
    /// The caller has no right to it.
    case notPermitted
    /// The request names something that does not exist.
    case notFound
    /// The host, or what Buslane holds on it, is in a state that does not allow it.
    case conflict
    /// A document was read and cannot be used: a configuration, a domain XML.
    case unprocessable
    /// The host or Buslane failed while it did its work.
    case failed
    /// The host has no room left for what Buslane has to write.
    case noRoom
    /// The cause may pass by itself: the same request can succeed later.
    case notNow
    /// The caller has as many of something as one user may have at a time.
    case tooMany
    /// Nothing answers at the daemon's socket.
    case unreachable

    /// The same request, sent again later, can succeed without any other change by a person.
    public var isTemporary: Bool {
        switch self {
        case .notNow, .tooMany: true
        case .malformed, .notPermitted, .notFound, .conflict, .unprocessable, .failed, .noRoom, .unreachable: false
        }
    }
}

/// An error that people and programs see. Each type says all of an error in one place, beside its cases.
///
/// Interpolated into a text, such an error is its message.
public protocol Reportable: Error, CustomStringConvertible {
    var report: ErrorReport { get }
}

extension Reportable {
    public var code: String { report.code }
    public var subject: String { report.subject }
    public var message: String { report.message }
    public var remedy: String? { report.remedy }
    public var isTemporary: Bool { report.kind.isTemporary }
    public var description: String { report.message }
}
