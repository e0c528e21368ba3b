// SPDX-License-Identifier: GPL-3.0-or-later
public import Foundation
import Glibc

/// Programs that tests run to their end.
///
/// By popen(3). `Foundation.Process` reads past the end of a directory entry when it lists the open files (`readdir` in
/// `Process.run`), which crashes now and then where many tests run programs.
public enum TestProgram {
    /// - Parameters:
    ///   - command: the program's path and its arguments.
    ///   - folder: its working folder; nil for the test's.
    ///   - input: what it reads.
    /// - Returns: its exit status, and what it writes, errors among the rest. A signal's number plus 128 for one that was
    ///   killed.
    /// - Throws: an error of the C library where the program cannot be started.
    public static func run(
        _ command: [String], in folder: URL? = nil, input: String? = nil
    ) throws -> (status: Int32, output: String) {
        // What the test's own parent left open is none of the program's.
        let alone = (3...9).map { "\($0)>&-" }.joined(separator: " ")
        var line = "exec " + command.map(quoted).joined(separator: " ") + " 2>&1 " + alone
        if let folder { line = "cd \(quoted(folder.path)) && " + line }
        let file = FileManager.default.temporaryDirectory.appending(path: "buslane-input-\(UUID().uuidString)")
        defer { if input != nil { try? FileManager.default.removeItem(at: file) } }
        if let input { try Data(input.utf8).write(to: file) }
        line += " <" + (input == nil ? "/dev/null" : quoted(file.path))
        // SAFETY: both strings outlive the call; the stream is closed once, below.
        guard let stream = unsafe popen(line, "re") else { throw CocoaError(.executableLoad) }
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            // SAFETY: the buffer lends its bytes until the call returns.
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, stream) }
            if count == 0 { break }
            output += buffer[..<count]
        }
        let status = unsafe pclose(stream)
        let signal = status & 0x7f
        return (signal == 0 ? status >> 8 & 0xff : 128 + signal, String(decoding: output, as: UTF8.self))
    }

    private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: #"'\''"#) + "'" }
}
