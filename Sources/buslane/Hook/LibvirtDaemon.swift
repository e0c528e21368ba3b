// SPDX-License-Identifier: GPL-3.0-or-later
import FoundationEssentials
import SystemServices

/// libvirt's daemon for QEMU, as systemd describes it.
struct LibvirtDaemon {
    /// `libvirtd` or `virtqemud`.
    let name: String
    /// nil while the daemon does not run: its socket starts it at the next connection.
    let process: Int?
    /// When the daemon last started or reloaded its files, in whole seconds; nil when systemd does not know.
    let lookedAt: Date?

    /// The one that runs, else the one that is installed; nil without either.
    static func found() -> LibvirtDaemon? {
        let all = ["virtqemud", "libvirtd"].compactMap(LibvirtDaemon.init(named:))
        return all.first { $0.process != nil } ?? all.last
    }

    private init?(named name: String) {
        guard let service = SystemdUnits.service(name + ".service") else { return nil }
        let change = service.mainProcess == nil ? nil : service.stateChangedAt
        self.init(
            name: name, process: service.mainProcess,
            lookedAt: change.map { Date(timeIntervalSince1970: Double($0 / 1_000_000)) })
    }

    init(name: String, process: Int?, lookedAt: Date?) {
        self.name = name
        self.process = process
        self.lookedAt = lookedAt
    }

    /// The AppArmor profile in force: `libvirtd (enforce)`, `unconfined`; nil when the kernel does not report one.
    ///
    /// Source: proc_pid_attr(5).
    var confinement: String? {
        guard let process, let bytes = try? File.read("/proc/\(process)/attr/current") else { return nil }
        let text = String(decoding: bytes.prefix { $0 >= 0x20 }, as: UTF8.self)
        return text.isEmpty ? nil : text
    }

    /// Reloads the daemon, which then looks for hooks again. Its domains keep running.
    ///
    /// - Returns: whether the reload succeeded.
    func reload() -> Bool { SystemdUnits.reload(name + ".service") }
}
