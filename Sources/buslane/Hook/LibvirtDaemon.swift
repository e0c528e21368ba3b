// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation

/// The daemon of libvirt that runs QEMU's domains, as systemd knows it.
struct LibvirtDaemon {
    /// `libvirtd` or `virtqemud`.
    let name: String
    /// nil while it does not run: its socket starts it when somebody asks.
    let process: Int?
    /// When it last started or was told to read its files anew, so far as systemd knows.
    let lookedAt: Date?

    /// The one that runs, else the one that is installed; nil without either.
    ///
    /// Source: systemctl(1), `show`; org.freedesktop.systemd1(5), `StateChangeTimestamp`: it moves at a reload too.
    static func found() -> LibvirtDaemon? {
        let all = ["virtqemud", "libvirtd"].compactMap(LibvirtDaemon.init(named:))
        return all.first { $0.process != nil } ?? all.last
    }

    private init?(named name: String) {
        let text = Self.run([
            "show", "--timestamp=unix", "-p", "LoadState,MainPID,StateChangeTimestamp", name + ".service",
        ])
        guard let text = text?.output else { return nil }
        var properties: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { properties[parts[0]] = parts[1] }
        }
        guard properties["LoadState"] == "loaded" else { return nil }
        self.name = name
        process = properties["MainPID"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
        lookedAt =
            process == nil
            ? nil
            : properties["StateChangeTimestamp"].flatMap { Double($0.dropFirst()) }.map {
                Date(timeIntervalSince1970: $0)
            }
    }

    init(name: String, process: Int?, lookedAt: Date?) {
        self.name = name
        self.process = process
        self.lookedAt = lookedAt
    }

    /// Whether AppArmor confines it: `libvirtd (enforce)`, `unconfined`; nil where that cannot be told.
    ///
    /// Source: proc_pid_attr(5).
    var confinement: String? {
        guard let process, let text = try? String(contentsOfFile: "/proc/\(process)/attr/current", encoding: .utf8)
        else {
            return nil
        }
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines.union(.controlCharacters))
        return trimmed.isEmpty ? nil : trimmed
    }

    /// Lets it look for hooks anew. Its domains go on.
    ///
    /// - Returns: whether it was done.
    func reload() -> Bool { Self.run(["reload", name + ".service"])?.status == 0 }

    private static func run(_ arguments: [String]) -> (status: Int32, output: String)? {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/systemctl")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
