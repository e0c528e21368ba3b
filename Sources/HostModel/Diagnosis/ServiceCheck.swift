// SPDX-License-Identifier: GPL-3.0-or-later

extension Examination {
    /// libvirt and the daemon.
    func services() -> [Finding] { libvirt() + daemon() }

    private func libvirt() -> [Finding] {
        guard let listens = platform.libvirt.listens else { return [] }
        guard let program = platform.libvirt.program else {
            return listens
                ? [Finding(.ok, "libvirt-listens", "libvirt is running")]
                : [
                    Finding(
                        .warning, "libvirt-missing", subject: "libvirt", "libvirt is not installed",
                        why: "functions can be claimed, but not attached to domains",
                        remedy: "apt install libvirt-daemon-system (Fedora: dnf install libvirt-daemon-kvm)")
                ]
        }
        guard !listens else { return [Finding(.ok, "libvirt-listens", "\(program) is running")] }
        return [
            Finding(
                .blocker, "libvirt-down", subject: program,
                "\(program) is installed, but does not listen on its socket",
                why: "no domain can be started or changed",
                remedy: "systemctl enable --now \(program).socket")
        ]
    }

    private func daemon() -> [Finding] {
        guard let listens = platform.daemonListens else { return [] }
        guard !listens else { return [Finding(.ok, "daemon-listens", "buslaned is running")] }
        // The hook asks the daemon: without the daemon it refuses domains with devices of Buslane.
        let refuses = ourHook?.isExecutable == true
        return [
            Finding(
                refuses ? .blocker : .warning, "daemon-down", subject: "buslaned", "buslaned is not running",
                why: refuses
                    ? "the hook refuses to start every domain that has a device of Buslane"
                    : "nothing can be allocated, and drift is not detected",
                remedy: "systemctl enable --now buslaned")
        ]
    }

    /// Buslane's hook, and other files that libvirt runs by mistake.
    func hooks() -> [Finding] {
        guard platform.hooks.files != nil else { return [] }
        return hook() + leftovers()
    }

    private var ourHook: PlatformFacts.Hooks.File? {
        platform.hooks.files?.first { $0.name == PlatformFacts.Hooks.ours }
    }

    private func hook() -> [Finding] {
        let path = platform.hooks.folder + "/" + PlatformFacts.Hooks.ours
        guard let hook = ourHook else {
            return [
                Finding(
                    .warning, "hook-missing", subject: path, "the libvirt hook is not installed: \(path) is missing",
                    why:
                        "libvirt starts every domain without a check, even with a device that was released or claimed for "
                        + "another domain",
                    remedy: "make install (or install the package again), then systemctl reload "
                        + (platform.libvirt.program ?? "libvirtd"))
            ]
        }
        guard hook.isExecutable else {
            return [
                Finding(
                    .warning, "hook-not-executable", subject: path, "the libvirt hook is not executable",
                    why: "libvirt ignores it silently, and starts every domain without a check",
                    remedy: "chmod 0755 \(path) && systemctl reload \(platform.libvirt.program ?? "libvirtd")")
            ]
        }
        if let target = hook.target, platform.hooks.areConfined, !Self.mayRun(target) {
            return [
                Finding(
                    .warning, "hook-confined", subject: path, "the libvirt hook is a link to \(target)",
                    why:
                        "AppArmor allows libvirt to run only programs in its hooks folder and in the bin and sbin folders: "
                        + "every start of a domain fails",
                    remedy: "install -m 0755 --remove-destination \(target) \(path)")
            ]
        }
        return [Finding(.ok, "hook-installed", "the libvirt hook is installed")]
    }

    /// libvirt runs every executable file of the folder, including hidden files and a package manager's leftovers.
    ///
    /// Source: `virHookCall`, src/util/virhook.c.
    private func leftovers() -> [Finding] {
        (platform.hooks.files ?? []).filter { file in
            file.isExecutable && file.name != PlatformFacts.Hooks.ours && Self.isLeftover(file.name)
        }.map { file in
            let path = platform.hooks.folder + "/" + file.name
            return Finding(
                .warning, "hook-leftover", subject: path, "libvirt runs \(path) as a hook too",
                why:
                    "libvirt runs every executable file of that folder, whatever its name: an old hook runs beside the new one",
                remedy: "rm \(path)")
        }
    }

    private static func isLeftover(_ name: String) -> Bool {
        name.hasPrefix(".") || name.hasSuffix("~") || name.contains("buslane")
            || [".dpkg-old", ".dpkg-dist", ".dpkg-new", ".rpmsave", ".rpmnew", ".bak", ".orig", ".ucf-old"]
                .contains { name.hasSuffix($0) }
    }

    private static func mayRun(_ target: String) -> Bool {
        // A relative link stays in the hooks folder unless it begins with `..`.
        if !target.hasPrefix("/") { return !target.hasPrefix("..") }
        let folder = target.split(separator: "/").dropLast().joined(separator: "/")
        return ["bin", "sbin", "usr/bin", "usr/sbin"].contains(folder) || folder.hasPrefix("etc/libvirt/hooks")
    }
}
