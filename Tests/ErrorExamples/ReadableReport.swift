// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

extension ErrorReport {
    /// What keeps a person or a program from reading the report; empty when nothing does.
    public var faults: [String] {
        var faults: [String] = []
        if code.wholeMatch(of: /[a-z]+(-[a-z]+)*/) == nil { faults.append("code '\(code)'") }
        if subject.isEmpty { faults.append("no subject") }
        faults += Self.faults(of: message, limit: 300).map { "message: \($0): \(message)" }
        if let remedy {
            faults += Self.faults(of: remedy, limit: 240).map { "remedy: \($0): \(remedy)" }
        } else if needsRemedy {
            faults.append("no remedy")
        }
        return faults
    }

    /// Whether every error of the kind has a fix. A malformed request names the expected value, and a failure has the
    /// host's reason.
    private var needsRemedy: Bool {
        switch kind {
        case .notPermitted, .notFound, .notNow, .noRoom, .tooMany, .unreachable: true
        case .conflict: !["libvirt", "ledger"].contains(code)
        case .malformed, .unprocessable, .failed: false
        }
    }

    private static func faults(of text: String, limit: Int) -> [String] {
        var faults: [String] = []
        if text.split(separator: " ").count < 2 && limit == 300 { faults.append("no sentence") }
        if text.count > limit { faults.append("longer than \(limit)") }
        if text.hasSuffix(".") { faults.append("a full stop at the end") }
        if text.first?.isWhitespace != false || text.last?.isWhitespace != false { faults.append("space at an end") }
        if text.contains("  ") { faults.append("two spaces") }
        if text.unicodeScalars.contains(where: { $0.value < 0x20 }) { faults.append("not one line") }
        for name in ["Optional(", "nil", "Error Domain", "()", "HostModel", "Refusal", "Swift."]
        where text.contains(name) {
            faults.append("has \(name)")
        }
        // `PCIAddress`, `NUMAPolicy`, `dataCorrupted(` are names of the code; SR-IOV, MSI-X, vfCount and maxClaims are
        // not.
        for match in text.matches(of: /\b(?:[A-Z]+[a-z]+){2,}\b|\b[a-z]+(?:[A-Z][a-z]+)+\(/) {
            faults.append("has \(match.output)")
        }
        return faults
    }
}
