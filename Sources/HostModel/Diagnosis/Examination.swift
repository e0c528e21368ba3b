// SPDX-License-Identifier: GPL-3.0-or-later

/// All checks of a host, in order: each builds on those before it.
struct Examination {
    let host: HostSnapshot
    let platform: PlatformFacts
    /// What the daemon reports, one line each.
    let problems: [String]
    /// What the daemon found by its records.
    let records: [Finding]

    var findings: [Finding] {
        let commandLine = KernelCommandLine(of: platform)
        let iommu = IOMMUCheck(host: host, platform: platform, commandLine: commandLine)
        let interrupts = InterruptCheck(platform: platform, commandLine: commandLine)
        return [
            iommu.findings,
            iommu.isOn ? interrupts.findings : [],
            VFIOCheck(host: host, module: platform.vfio).findings,
            iommu.isOn ? GroupCheck(host: host).findings : [],
            SRIOVCheck(host: host, platform: platform).findings,
            MemoryCheck(host: host, libvirt: platform.libvirt).findings,
            ServiceCheck(platform: platform).findings,
            HookCheck(hooks: platform.hooks, libvirt: platform.libvirt.program).findings,
            RivalCheck(rivals: platform.rivals, commandLine: commandLine).findings,
            problems.map(Finding.init(degraded:)),
            records,
            blindSpots(),
        ].flatMap(\.self)
    }

    /// Files that could not be read may hide findings.
    private func blindSpots() -> [Finding] {
        guard !platform.unreadable.isEmpty else { return [] }
        return [
            Finding(
                .advice, "not-everything-read", "could not read \(platform.unreadable.listed)",
                why: "problems in these files are not reported", remedy: "sudo buslane doctor")
        ]
    }
}

extension Finding {
    fileprivate init(degraded problem: String) {
        self.init(
            .warning, "daemon-degraded", "the daemon reports: \(problem)",
            why: "part of the declared state is not applied",
            remedy: "run buslane config check; buslane plan shows what is missing")
    }
}
