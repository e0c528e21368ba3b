// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import PrintableText

extension Diagnosis {
    /// A paragraph for each finding, under its severity's heading; then the verdict.
    func rendered(width: Int) -> String {
        var blocks: [String] = []
        for severity in Finding.Severity.allCases {
            let found = findings(severity)
            guard !found.isEmpty else { continue }
            blocks.append(
                Terminal.bold(severity.heading) + "\n"
                    + found.map { $0.rendered(width: width) }.joined(separator: severity == .ok ? "" : "\n"))
        }
        return (blocks + [Terminal.bold(verdict) + "\n"]).joined(separator: "\n")
    }

    private var verdict: String {
        let rest = [(Finding.Severity.warning, "warning"), (.advice, "piece of advice")].compactMap { severity, name in
            Self.counted(count(severity), name)
        }.joined(separator: ", ")
        guard let blockers = Self.counted(count(.blocker), "blocker") else {
            return "Passthrough works here" + (rest.isEmpty ? "." : ": \(rest).")
        }
        return "Passthrough does not work here: \(blockers)" + (rest.isEmpty ? "." : ", \(rest).")
    }

    private static func counted(_ count: Int, _ name: String) -> String? {
        switch count {
        case 0: nil
        case 1: "1 \(name)"
        default: "\(count) " + (name == "piece of advice" ? "pieces of advice" : name + "s")
        }
    }
}

extension Finding {
    fileprivate func rendered(width: Int) -> String {
        var lines = what.wrapped(width: width, first: "  ", rest: "    ")
        if !why.isEmpty { lines += why.wrapped(width: width, first: "    why: ", rest: "         ") }
        if let remedy { lines += remedy.wrapped(width: width, first: "    fix: ", rest: "         ") }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension Finding.Severity {
    fileprivate var heading: String {
        switch self {
        case .blocker: "In the way"
        case .warning: "Will make trouble"
        case .advice: "Could be better"
        case .ok: "In order"
        }
    }
}

extension String {
    /// Breaks lines at blanks only, so that a command can be copied. A word longer than the line stays whole.
    fileprivate func wrapped(width: Int, first: String, rest: String) -> [String] {
        var lines: [String] = []
        var line = first
        var isEmpty = true
        for word in printable.split(separator: " ") {
            if !isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                (line, isEmpty) = (rest, true)
            }
            line += (isEmpty ? "" : " ") + word
            isEmpty = false
        }
        return lines + [line]
    }
}
