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

extension Collection where Element: CustomStringConvertible {
    /// `a, b, c and 3 more`: four at most.
    var listed: String {
        let shown = count > 4 ? prefix(3) : prefix(4)
        let names = shown.map(\.description).joined(separator: ", ")
        return shown.count < count ? "\(names) and \(count - shown.count) more" : names
    }
}
