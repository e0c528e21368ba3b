// SPDX-License-Identifier: GPL-3.0-or-later

/// Buslane's hook, and other files that libvirt runs by mistake.
struct HookCheck {
    let hooks: PlatformFacts.Hooks
    /// libvirt's program, which is reloaded to find a hook; nil if it is unknown.
    let libvirt: String?

    var findings: [Finding] { hooks.files == nil ? [] : hook() + leftovers() }

    private func hook() -> [Finding] {
        let path = hooks.folder + "/" + PlatformFacts.Hooks.ours
        guard let hook = hooks.own else {
            return [
                Finding(
                    .warning, "hook-missing", subject: path, "the libvirt hook is not installed: \(path) is missing",
                    why:
                        "libvirt starts every domain without a check, even with a device that was released or claimed for "
                        + "another domain",
                    remedy: "make install (or install the package again), then systemctl reload "
                        + (libvirt ?? "libvirtd"))
            ]
        }
        guard hook.isExecutable else {
            return [
                Finding(
                    .warning, "hook-not-executable", subject: path, "the libvirt hook is not executable",
                    why: "libvirt ignores it silently, and starts every domain without a check",
                    remedy: "chmod 0755 \(path.shellWord) && systemctl reload \(libvirt ?? "libvirtd")")
            ]
        }
        if let target = hook.target, hooks.areConfined, !Self.mayRun(target) {
            return [
                Finding(
                    .warning, "hook-confined", subject: path, "the libvirt hook is a link to \(target)",
                    why:
                        "AppArmor allows libvirt to run only programs in its hooks folder and in the bin and sbin folders: "
                        + "every start of a domain fails",
                    remedy: "install -m 0755 --remove-destination \(target.shellWord) \(path.shellWord)")
            ]
        }
        return [Finding(.ok, "hook-installed", "the libvirt hook is installed")]
    }

    /// libvirt runs every executable file of the folder, including hidden files and a package manager's leftovers.
    ///
    /// Source: `virHookCall`, src/util/virhook.c.
    private func leftovers() -> [Finding] {
        (hooks.files ?? []).filter { file in
            file.isExecutable && file.name != PlatformFacts.Hooks.ours && Self.isLeftover(file.name)
        }.map { file in
            let path = hooks.folder + "/" + file.name
            return Finding(
                .warning, "hook-leftover", subject: path, "libvirt runs \(path) as a hook too",
                why:
                    "libvirt runs every executable file of that folder, whatever its name: an old hook runs beside the new one",
                remedy: "rm \(path.shellWord)")
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

extension PlatformFacts.Hooks {
    /// Buslane's own hook; nil if it is not in the folder.
    var own: File? { files?.first { $0.name == Self.ours } }
}
