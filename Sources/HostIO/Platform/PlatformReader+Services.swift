// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import SystemPackage

extension PlatformReader {
    /// The paths of the unix sockets on which a process listens; nil when the kernel's list cannot be read.
    ///
    /// Columns: Num, RefCount, Protocol, Flags, Type, St, Inode, Path. Source: `__SO_ACCEPTCON` among the flags,
    /// proc(5).
    func listeningSockets(_ files: inout TextFiles) -> Set<String>? {
        guard let text = files.text(paths.unixSockets) else { return nil }
        var listening: Set<String> = []
        for line in text.split(separator: "\n") {
            let columns = line.words
            if columns.count == 8, columns[3] == "00010000" { listening.insert(String(columns[7])) }
        }
        return listening
    }

    func libvirt(_ listening: Set<String>?, _ files: inout TextFiles) -> PlatformFacts.Libvirt {
        let running = runningLibvirt()
        let installed = programs.filter { files.exists(paths.systemProgram($0)) }
        // Many hosts have both: the one that runs counts, else the one that systemd listens for.
        let enabled = installed.first { files.exists(paths.enabledSocket($0)) }
        return PlatformFacts.Libvirt(
            program: running?.program ?? enabled ?? installed.first,
            listens: listening.map { sockets in
                sockets.contains { socket in paths.libvirtSockets.contains { socket.hasSuffix($0) } }
            },
            process: running?.process)
    }

    private var programs: [String] { ["libvirtd", "virtqemud"] }

    /// The system's daemon, not that of a user's session.
    private func runningLibvirt() -> (program: String, process: PlatformFacts.Libvirt.Process)? {
        var pass = ReadPass()
        guard let processes = try? Directory(paths.processes), let names = try? processes.names() else { return nil }
        for (pid, name) in names.compactMap({ name in Int(name).map { ($0, name) } }).sorted(by: { $0.0 < $1.0 }) {
            guard let command = try? pass.contents(of: "\(name)/comm", in: processes), programs.contains(command),
                let status = try? pass.contents(of: "\(name)/status", in: processes),
                let limits = try? pass.contents(of: "\(name)/limits", in: processes),
                field("Uid:", status)?.first == "0", let mask = field("CapEff:", status)?.first,
                let capabilities = UInt64(mask, radix: 16),
                // The columns are soft limit, hard limit and unit. The daemon may raise the soft limit to the hard one.
                let hard = field("Max locked memory", limits)?.dropFirst().first
            else { continue }
            // CAP_SYS_RESOURCE is bit 24. Source: include/uapi/linux/capability.h.
            return (command, .init(pid: pid, mayRaiseLimits: capabilities >> 24 & 1 == 1, lockedMemoryLimit: Int(hard)))
        }
        return nil
    }

    private func field(_ key: String, _ text: String) -> [Substring]? {
        text.split(separator: "\n").first { $0.hasPrefix(key) }?.dropFirst(key.count).words
    }

    func hooks(_ files: inout TextFiles) -> PlatformFacts.Hooks {
        var hooks = PlatformFacts.Hooks(folder: paths.onHost(paths.qemuHooks))
        hooks.areConfined =
            flag(paths.parameter("enabled", ofModule: "apparmor"), &files) == true
            && paths.appArmorProfiles.contains(where: files.exists)
        guard let names = files.names(in: paths.qemuHooks), let folder = try? Directory(paths.qemuHooks) else {
            // libvirt is installed, and the folder neither exists nor is hidden: there are no hooks.
            let isHidden = files.unreadable.contains(paths.qemuHooks)
            if files.exists(paths.libvirtConfiguration), !isHidden { hooks.files = [] }
            return hooks
        }
        var pass = ReadPass()
        var found: [PlatformFacts.Hooks.File] = []
        for name in names {
            let mode = (paths.qemuHooks + "/\(name)").permissions
            found.append(
                .init(
                    name: name, isExecutable: mode.map { $0 & 0o111 != 0 } ?? false,
                    target: try? pass.target(of: name, in: folder)))
        }
        hooks.files = found
        return hooks
    }
}
