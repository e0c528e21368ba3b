// SPDX-License-Identifier: GPL-3.0-or-later

/// Whether libvirt and the daemon run.
struct ServiceCheck {
    let platform: PlatformFacts

    var findings: [Finding] { libvirt() + daemon() }

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
        let refuses = platform.hooks.own?.isExecutable == true
        return [
            Finding(
                refuses ? .blocker : .warning, "daemon-down", subject: "buslaned", "buslaned is not running",
                why: refuses
                    ? "the hook refuses to start every domain that has a device of Buslane"
                    : "nothing can be allocated, and drift is not detected",
                remedy: "systemctl enable --now buslaned")
        ]
    }
}
