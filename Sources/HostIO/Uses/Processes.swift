// SPDX-License-Identifier: GPL-3.0-or-later

/// Looks up processes in procfs.
public struct Processes: Sendable {
    private let paths: HostPaths

    public init(paths: HostPaths = HostPaths()) { self.paths = paths }

    /// When a process started, in clock ticks since the boot; nil when there is no such process.
    ///
    /// A zombie counts as ended: it holds nothing.
    ///
    /// Source: fields 3 and 22 of `stat`, proc(5).
    public func startTime(of pid: Int) -> Int? {
        var files = TextFiles()
        // The second field is the command's name in parentheses, and can contain any character.
        guard let text = files.text(paths.state(ofProcess: pid)), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let state = fields.first, !"ZXx".contains(state) else { return nil }
        return Int(fields[19])
    }

    /// The real user id of a process: who started it, also where the program runs as another user. nil when there is no
    /// such process.
    ///
    /// Source: `Uid` of `status`, proc(5).
    public func user(of pid: Int) -> Int? {
        var files = TextFiles()
        guard let text = files.text(paths.status(ofProcess: pid)) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("Uid:") }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
    }
}
