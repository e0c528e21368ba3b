// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

/// The files that processes have open.
///
/// Source: `fd`, proc(5).
struct ProcessTable {
    let paths: HostPaths

    /// The files of one kind, each with the processes that hold it, by pid.
    struct Holders<File: Hashable> {
        var processes: [File: [ProcessHolder]] = [:]
        /// The error of a process that could not be examined; nil when all were.
        var hidden: HostIOError?
    }

    /// One pass over the process table.
    ///
    /// - Parameter classify: the file that an open file's name stands for; nil for one that does not matter. It gets the
    ///   descriptor's name and its folder.
    func holders<File: Hashable>(
        _ classify: (_ target: String, _ number: String, borrowing Directory, inout ReadPass) -> File?
    ) throws(HostIOError) -> Holders<File> {
        var pass = ReadPass()
        var files = TextFiles()
        var holders = Holders<File>()
        var open: [(process: ProcessHolder, files: Set<File>)] = []
        do {
            let processes = try Directory(paths.processes)
            let names = try processes.names()
            for (pid, name) in names.compactMap({ name in Int(name).map { ($0, name) } }).sorted(by: { $0.0 < $1.0 }) {
                do {
                    let known = try openFiles(of: name, in: processes, &pass, classify)
                    guard !known.isEmpty else { continue }
                    let command = try? pass.contents(of: "\(name)/comm", in: processes)
                    let guest = files.text(paths.commandLine(ofProcess: pid), limit: 1 << 20).flatMap(Self.guest)
                    open.append((ProcessHolder(pid: pid, command: command ?? "?", guest: guest), known))
                } catch .noSuchFileOrDirectory, .noSuchProcess {
                    // The process ended meanwhile.
                } catch {
                    holders.hidden = .unreadable(path: "\(paths.processes)/\(name)/fd", errno: error.rawValue)
                }
            }
        } catch {
            throw .unreadable(path: paths.processes.description, errno: error.rawValue)
        }
        for (process, files) in open {
            for file in files { holders.processes[file, default: []].append(process) }
        }
        return holders
    }

    private func openFiles<File: Hashable>(
        of process: String, in processes: borrowing Directory, _ pass: inout ReadPass,
        _ classify: (_ target: String, _ number: String, borrowing Directory, inout ReadPass) -> File?
    ) throws(Errno) -> Set<File> {
        let folder = try Directory("\(process)/fd", in: processes)
        var known: Set<File> = []
        for number in try folder.names() {
            // The file was closed meanwhile.
            guard let target = try? pass.target(of: number, in: folder) else { continue }
            if let file = classify(target, number, folder, &pass) { known.insert(file) }
        }
        return known
    }

    /// The domain's name in QEMU's arguments: `-name guest=fw1,debug-threads=on`, or `-name fw1`.
    ///
    /// - Parameter commandLine: the arguments, each with a NUL at its end.
    static func guest(in commandLine: String) -> String? {
        let arguments = commandLine.split(separator: "\0", omittingEmptySubsequences: false)
        guard let option = arguments.firstIndex(of: "-name"), option + 1 < arguments.count else { return nil }
        // A comma in a name is written twice.
        let parts = arguments[option + 1].replacing(",,", with: "\0").split(separator: ",")
        let name = parts.first { $0.hasPrefix("guest=") }?.dropFirst("guest=".count) ?? parts.first
        return name.flatMap { $0.isEmpty ? nil : String($0).replacing("\0", with: ",") }
    }
}
