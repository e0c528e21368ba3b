// SPDX-License-Identifier: GPL-3.0-or-later

/// How the kernel, or a driver in it, refused something: the answers that some drivers give for a while only.
public enum KernelAnswer: Hashable, Sendable {
    /// `EAGAIN`
    case again
    /// `EBUSY`
    case busy
    /// `EINVAL`
    case invalid
}

/// An error that tells how the kernel answered.
public protocol KernelAnswering: Error {
    /// nil for an answer that no driver gives for a while only.
    var answer: KernelAnswer? { get }
}

/// What a PF's driver asks of whoever cuts it up, beyond the order that all of them bear with.
///
/// That order is: MTU, link up, VFs (and waiting until all are there), then for each VF its settings, then its driver.
/// Settings come before the driver since a VF's driver takes its MAC address when it is bound (mlx5, ixgbevf), and since
/// some PFs reset a VF whose settings change (i40e, ice), which a bound driver or guest would notice.
public struct DriverOrder: Hashable, Sendable {
    /// It makes VFs only while its interface is up.
    public var makesVFsOnlyWhenUp = false
    /// Refusals of a VF's settings that pass by themselves: it resets the VF, or waits for the VF's driver to be gone.
    public var passing: Set<KernelAnswer> = [.again, .busy]
    /// Those of a VF's rates that pass when the PF has a link partner.
    public var passingForRates: Set<KernelAnswer> = []

    /// By the PF's driver, with the functions in Linux 6.12 that say so; a driver without a row has the defaults.
    static let table: [String: DriverOrder] = [
        // Makes VFs and takes settings in any state; VFs that find their PF down say so and have no link.
        // `igb_pci_sriov_configure`, `igb_ndo_set_vf_mac`, igb_main.c
        "igb": DriverOrder(passing: []),
        // EAGAIN while the VF is reset, or another setting is under way.
        // `i40e_check_vf_init_timeout`, `i40e_ndo_set_vf_spoofchk`, i40e_virtchnl_pf.c
        "i40e": DriverOrder(passing: [.again]),
        // EBUSY while the VF is not yet initialised, EAGAIN from releases that also want it active.
        // `ice_check_vf_ready_for_cfg`, ice_vf_lib.c
        "ice": DriverOrder(passing: [.again, .busy]),
        // EINVAL for rates until the link is there: it is, some seconds after the interface was switched on.
        // `ixgbe_ndo_set_vf_bw`, ixgbe_sriov.c
        "ixgbe": DriverOrder(passing: [], passingForRates: [.invalid]),
        // The eswitch takes settings in any state; the VF's driver sees its MAC address at the next probe.
        // `mlx5_core_sriov_configure`, sriov.c; `mlx5_eswitch_set_vport_mac`, eswitch.c
        "mlx5_core": DriverOrder(passing: [.busy]),
        // Answers that it made VFs, and makes none, while the interface is down or its firmware is reset.
        // `bnxt_sriov_configure`, bnxt_sriov.c
        "bnxt_en": DriverOrder(makesVFsOnlyWhenUp: true, passing: [.again, .busy]),
        // No interface, so neither link nor settings. `pci_sriov_configure_simple`, drivers/pci/iov.c
        "nvme": DriverOrder(passing: []),
    ]

    /// - Parameter driver: the PF's; nil for one that has none, and so makes no VFs.
    public static func of(driver: String?) -> DriverOrder { driver.flatMap { table[$0] } ?? DriverOrder() }

    /// Whether to ask again: the answer to this action passes by itself.
    public func passes(_ answer: KernelAnswer, to action: HostAction) -> Bool {
        guard case .setVFSettings(_, let settings) = action else { return false }
        if passing.contains(answer) { return true }
        let hasRates = settings.minTxRateMbps != nil || settings.maxTxRateMbps != nil
        return hasRates && passingForRates.contains(answer)
    }
}
