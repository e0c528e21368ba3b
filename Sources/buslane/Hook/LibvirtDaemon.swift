// SPDX-License-Identifier: GPL-3.0-or-later
import FoundationEssentials
import Glibc
import SystemPackage

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
        guard let process, let bytes = try? File.read("/proc/\(process)/attr/current") else { return nil }
        let text = String(decoding: bytes.prefix { $0 >= 0x20 }, as: UTF8.self)
        return text.isEmpty ? nil : text
    }

    /// Lets it look for hooks anew. Its domains go on.
    ///
    /// - Returns: whether it was done.
    func reload() -> Bool { Self.run(["reload", name + ".service"])?.status == 0 }

    private static func run(_ arguments: [String]) -> (status: Int32, output: String)? {
        // popen(3): the words are constants of this file, so the shell changes none of them.
        let command = (["/usr/bin/systemctl"] + arguments).joined(separator: " ") + " 2>/dev/null"
        guard let pipe = popen(command, "re") else { return nil }
        let output = try? File.read(FileDescriptor(rawValue: fileno(pipe)))
        let status = pclose(pipe)
        return (status, String(decoding: output ?? [], as: UTF8.self))
    }
}
