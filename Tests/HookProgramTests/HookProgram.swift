// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import TemporaryFiles
import TestPrograms

/// The hook's program as it was built beside the tests, run without a daemon and with a spool of its own.
struct HookProgram {
    private let folder = TemporaryFolder()

    /// A domain's XML with a device of Buslane.
    static let domain = "<domain><alias name='ua-buslane-data0'/></domain>\n"

    /// - Parameters:
    ///   - limits: the options of prlimit(1).
    ///   - streams: redirections of the shell. `$XML` is the file with the XML, `$FOLDER` a folder for the test.
    func run(
        _ operation: String, limits: [String] = [], streams: String = "<\"$XML\"", xml: String = domain
    ) throws -> (status: Int32, output: String) {
        try shell(
            "exec \(limits.isEmpty ? "" : "prlimit \(limits.joined(separator: " ")) ")\(Self.call(operation)) \(streams)",
            xml: xml)
    }

    /// - Parameter script: finds the hook with its arguments in what ``call(_:)`` gives.
    func shell(_ script: String, xml: String = domain) throws -> (status: Int32, output: String) {
        let file = folder.path + "/domain.xml"
        try Data(xml.utf8).write(to: URL(filePath: file))
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let hook = URL(filePath: program).deletingLastPathComponent().appending(path: "buslane-hook").path
        return try TestProgram.run([
            "/usr/bin/env", "XML=\(file)", "FOLDER=\(folder.path)", "HOOK=\(hook)",
            "BUSLANE_SOCKET=\(folder.path)/nobody",
            "BUSLANE_SPOOL=\(folder.path)/spool", "/bin/sh", "-c", script,
        ])
    }

    static func call(_ operation: String) -> String { "\"$HOOK\" fw1 \(operation) end shutdown" }

    /// Shell text that starts the hook in the background and goes on when the hook has read: it has set up everything
    /// before. Its input is open as 4.
    ///
    /// - Parameter program: runs the hook, with it as its arguments.
    static func reading(_ operation: String, through program: String = "") -> String {
        // More than a pipe holds: the last of it can only be written after the first was read.
        """
        mkfifo "$FOLDER/\(operation)"
        \(program) \(call(operation)) <"$FOLDER/\(operation)" &
        exec 4>"$FOLDER/\(operation)"; head -c 200000 /dev/zero >&4
        """
    }

    /// The names of the files in the spool; nothing without one.
    func spooled() -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder.path + "/spool")) ?? [] }
}
