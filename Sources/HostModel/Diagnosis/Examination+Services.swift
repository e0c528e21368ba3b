// SPDX-License-Identifier: GPL-3.0-or-later

extension Examination {
    /// libvirt and the daemon: who starts guests, and who hands functions out.
    func services() -> [Finding] { libvirt() + daemon() }

    private func libvirt() -> [Finding] {
        guard let listens = platform.libvirt.listens else { return [] }
        guard let program = platform.libvirt.program else {
            return listens
                ? [Finding(.ok, "libvirt-listens", "libvirt listens")]
                : [
                    Finding(
                        .warning, "libvirt-missing", subject: "libvirt", "libvirt is not installed",
                        why: "Buslane can hand functions out, but not attach them to domains",
                        remedy: "apt install libvirt-daemon-system (Fedora: dnf install libvirt-daemon-kvm)")
                ]
        }
        guard !listens else { return [Finding(.ok, "libvirt-listens", "\(program) listens")] }
        return [
            Finding(
                .blocker, "libvirt-down", subject: program, "\(program) is installed, and nobody listens at its socket",
                why: "no domain can be started, and none attached to",
                remedy: "systemctl enable --now \(program).socket")
        ]
    }

    private func daemon() -> [Finding] {
        guard let listens = platform.daemonListens else { return [] }
        guard !listens else { return [Finding(.ok, "daemon-listens", "buslaned is running")] }
        // The hook asks the daemon: with the one and without the other, Buslane's guests are refused.
        let refuses = ourHook?.isExecutable == true
        return [
            Finding(
                refuses ? .blocker : .warning, "daemon-down", subject: "buslaned", "buslaned is not running",
                why: refuses
                    ? "the hook refuses every domain that has a device of Buslane's"
                    : "nothing can be allocated, and nothing is watched",
                remedy: "systemctl enable --now buslaned")
        ]
    }

    /// The file that libvirt runs for us, and files beside it that it runs by mistake.
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
                    .warning, "hook-missing", subject: path, "libvirt's hook is not installed: there is no \(path)",
                    why: "libvirt starts a domain without asking: a device that was released, or claimed for another "
                        + "domain, is not refused",
                    remedy: "make install (or install the package again), then systemctl reload "
                        + (platform.libvirt.program ?? "libvirtd"))
            ]
        }
        guard hook.isExecutable else {
            return [
                Finding(
                    .warning, "hook-not-executable", subject: path, "libvirt's hook is not executable",
                    why: "libvirt passes over it without a word, and starts every domain",
                    remedy: "chmod 0755 \(path) && systemctl reload \(platform.libvirt.program ?? "libvirtd")")
            ]
        }
        if let target = hook.target, platform.hooks.areConfined, !Self.mayRun(target) {
            return [
                Finding(
                    .warning, "hook-confined", subject: path, "libvirt's hook is a link to \(target)",
                    why: "AppArmor's profile of libvirt runs what lies in its hooks folder and in the bin and sbin "
                        + "folders, and denies the rest: every start fails",
                    remedy: "install -m 0755 --remove-destination \(target) \(path)")
            ]
        }
        return [Finding(.ok, "hook-installed", "libvirt's hook is installed")]
    }

    /// libvirt runs whatever is executable, hidden files and a package manager's leftovers too.
    ///
    /// Source: `virHookCall`, src/util/virhook.c.
    private func leftovers() -> [Finding] {
        (platform.hooks.files ?? []).filter { file in
            file.isExecutable && file.name != PlatformFacts.Hooks.ours && Self.isLeftover(file.name)
        }.map { file in
            let path = platform.hooks.folder + "/" + file.name
            return Finding(
                .warning, "hook-leftover", subject: path, "libvirt runs \(path) too",
                why:
                    "it runs every executable file of that folder, whatever its name: an old hook answers beside the new",
                remedy: "rm \(path)")
        }
    }

    private static func isLeftover(_ name: String) -> Bool {
        name.hasPrefix(".") || name.hasSuffix("~") || name.contains("buslane")
            || [".dpkg-old", ".dpkg-dist", ".dpkg-new", ".rpmsave", ".rpmnew", ".bak", ".orig", ".ucf-old"]
                .contains { name.hasSuffix($0) }
    }

    private static func mayRun(_ target: String) -> Bool {
        // A relative link stays in the hooks folder unless it climbs.
        if !target.hasPrefix("/") { return !target.hasPrefix("..") }
        let folder = target.split(separator: "/").dropLast().joined(separator: "/")
        return ["bin", "sbin", "usr/bin", "usr/sbin"].contains(folder) || folder.hasPrefix("etc/libvirt/hooks")
    }
}
