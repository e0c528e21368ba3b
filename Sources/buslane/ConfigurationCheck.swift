// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import ControlAPI
import HostModel
import PrintableText

/// The check of configuration files, by themselves and on a host if there is one.
struct ConfigurationCheck {
    let files: [String]
    /// Whether the selectors were tried on a host.
    let sawHost: Bool
    let desired: DesiredState
    let errors: [ConfigurationCheckDocument.Remark]
    /// Possible problems: a pool without a function is correct until its VFs are created.
    let notes: [ConfigurationCheckDocument.Remark]

    /// How many contradictions to this host are listed. Two exclusive pools of one selector are one.
    private static let mostProblems = 100

    /// - Parameters:
    ///   - ignored: files beside them that are not read.
    ///   - host: nil checks the files only.
    init(_ reader: ConfigurationReader, files: [String], ignored: [String] = [], on host: HostSnapshot?) {
        self.files = files
        desired = reader.desired
        sawHost = host != nil
        var errors = reader.errors.map { error in
            ConfigurationCheckDocument.Remark(
                file: error.place.file, line: error.place.line, column: error.place.column, message: error.problem,
                remedy: error.remedy)
        }
        // Entries with errors were left out; the others can still be compared.
        let problems = host.map(reader.desired.problems(on:)) ?? []
        for problem in problems.prefix(Self.mostProblems) {
            errors.append(.init(at: problem.place, message: problem.refusal.message, remedy: problem.refusal.remedy))
        }
        if problems.count > Self.mostProblems {
            errors.append(
                .init(
                    at: nil, message: "this host contradicts it in \(problems.count - Self.mostProblems) more places",
                    remedy: "correct these first"))
        }
        self.errors = errors
        notes =
            ignored.map { .init(ignoring: $0) }
            + (host.map { host in reader.desired.pools.compactMap { $0.note(on: host) } } ?? [])
    }

    var document: ConfigurationCheckDocument {
        .init(files: files, valid: errors.isEmpty, comparedWithHost: sawHost, errors: errors, notes: notes)
    }

    /// For people, and for editors that know `FILE:LINE:COLUMN:`.
    var text: String {
        var lines = errors.flatMap { $0.lines(of: "error") } + notes.flatMap { $0.lines(of: "note") }
        let count = desired.physicalFunctions.count
        let what =
            "\(files.count) file\(files.count == 1 ? "" : "s"), \(count) card declaration\(count == 1 ? "" : "s"), "
            + "\(desired.pools.count) pool\(desired.pools.count == 1 ? "" : "s")"
        let extent = sawHost ? "" : "; not compared with a host"
        if errors.isEmpty {
            lines.append("\(what): nothing wrong\(extent)")
        } else {
            lines.append("\(errors.count) error\(errors.count == 1 ? "" : "s")\(extent)")
        }
        return lines.map { $0.printable + "\n" }.joined()
    }
}

extension ConfigurationCheckDocument.Remark {
    fileprivate init(ignoring file: String) {
        self.init(
            file: file, line: nil, column: nil, message: "not read: \(ConfigurationFolder.namingRule)",
            remedy: "rename it, or move it away")
    }

    /// - Parameter place: as a declaration bears it, `FILE:LINE:COLUMN`.
    init(at place: String?, message: String, remedy: String?) {
        var message = message
        // The message repeats the place.
        if let place, message.hasPrefix(place + " ") { message = "this entry" + message.dropFirst(place.count) }
        let parts = (place ?? "").split(separator: ":", omittingEmptySubsequences: false)
        if parts.count >= 3, let line = Int(parts[parts.count - 2]), let column = Int(parts[parts.count - 1]) {
            self.init(
                file: parts.dropLast(2).joined(separator: ":"), line: line, column: column, message: message,
                remedy: remedy)
        } else {
            self.init(file: place ?? "", line: nil, column: nil, message: message, remedy: remedy)
        }
    }

    fileprivate func lines(of kind: String) -> [String] {
        let place = [file, line.map(String.init), column.map(String.init)].compactMap(\.self).joined(separator: ":")
        return ["\(place): \(kind): \(message)"] + (remedy.map { ["  fix: \($0)"] } ?? [])
    }
}

extension Pool {
    /// nil when the pool has a function on the host.
    fileprivate func note(on host: HostSnapshot) -> ConfigurationCheckDocument.Remark? {
        let members = selector.matches(in: host)
        guard members.isEmpty else {
            guard !defaults.isEmpty, !members.contains(where: { $0.virtualFunction != nil && $0.isEthernet }) else {
                return nil
            }
            return .init(
                at: place, message: "'defaults' of pool '\(name)' have no effect: it has no VF of an Ethernet card",
                remedy: "leave them out")
        }
        let met = selector.meetings(on: host).map(\.description).joined(separator: "; ")
        return .init(
            at: place, message: "pool '\(name)' has no function of this host now: \(met)",
            remedy: "VFs count once apply has created them")
    }
}
