// SPDX-License-Identifier: GPL-3.0-or-later

/// An error of the kernel or a driver that may be temporary.
public enum KernelAnswer: Hashable, Sendable {
    /// `EAGAIN`
    case again
    /// `EBUSY`
    case busy
    /// `EINVAL`
    case invalid
}

/// An error that carries the kernel's answer.
public protocol KernelAnswering: Error {
    /// nil for an answer that is never temporary.
    var answer: KernelAnswer? { get }
}

/// The needs of a PF's driver beyond the order of steps that works with all drivers.
///
/// The order is: MTU, link up, VFs (waiting until all are present), then for each VF its settings, then its driver.
/// Settings come before the driver because a VF's driver reads its MAC address when it is bound (mlx5, ixgbevf), and
/// because some PFs reset a VF when its settings change (i40e, ice), which would disturb a bound driver or a guest.
public struct DriverOrder: Hashable, Sendable {
    /// It creates VFs only while its interface is up.
    public var makesVFsOnlyWhenUp = false
    /// Its PF has no interface until it has VFs; then one through which their settings are set, and which is no port.
    public var makesInterfaceWithVFs = false
    /// It sets nothing for its VFs: neither a MAC address nor a VLAN.
    public var setsNothing = false
    /// Temporary errors when a VF's settings are set: the PF is resetting the VF, or the VF's driver is still unbinding.
    public var passing: Set<KernelAnswer> = [.again, .busy]
    /// Errors when a VF's rates are set that end when the PF has a carrier.
    public var passingForRates: Set<KernelAnswer> = []

    /// By the PF's driver, with the source in Linux 6.12. A driver without an entry has the defaults.
    static let table: [String: DriverOrder] = [
        // Creates VFs and accepts settings in any state. A VF whose PF is down reports that and has no link.
        // `igb_pci_sriov_configure`, `igb_ndo_set_vf_mac`, igb_main.c
        "igb": DriverOrder(passing: []),
        // EAGAIN while the VF is being reset, or another setting is being applied.
        // `i40e_check_vf_init_timeout`, `i40e_ndo_set_vf_spoofchk`, i40e_virtchnl_pf.c
        "i40e": DriverOrder(passing: [.again]),
        // EBUSY while the VF is not initialised; EAGAIN from versions that also require it to be active.
        // `ice_check_vf_ready_for_cfg`, ice_vf_lib.c
        "ice": DriverOrder(passing: [.again, .busy]),
        // EINVAL for rates until there is a link, some seconds after the interface came up.
        // `ixgbe_ndo_set_vf_bw`, ixgbe_sriov.c
        "ixgbe": DriverOrder(passing: [], passingForRates: [.invalid]),
        // The eswitch accepts settings in any state; the VF's driver reads its MAC address at the next probe.
        // `mlx5_core_sriov_configure`, sriov.c; `mlx5_eswitch_set_vport_mac`, eswitch.c
        "mlx5_core": DriverOrder(passing: [.busy]),
        // While the interface is down or the firmware resets, it reports success and creates no VFs.
        // `bnxt_sriov_configure`, bnxt_sriov.c
        "bnxt_en": DriverOrder(makesVFsOnlyWhenUp: true, passing: [.again, .busy]),
        // Ports belong to function 4, VFs to functions 0 to 3, which have an interface only for the settings of VFs.
        // `cxgb4_iov_configure`, `cxgb4_mgmt_setup`, cxgb4_main.c
        "cxgb4": DriverOrder(makesInterfaceWithVFs: true),
        // It has no interface, so neither link nor settings. `pci_sriov_configure_simple`, drivers/pci/iov.c
        "nvme": DriverOrder(passing: []),
        // The network device has none of the operations for VFs. `virtnet_netdev`, drivers/net/virtio_net.c
        "virtio-pci": DriverOrder(setsNothing: true, passing: []),
    ]

    /// - Parameter driver: the PF's driver; nil for none.
    public static func of(driver: String?) -> DriverOrder { driver.flatMap { table[$0] } ?? DriverOrder() }

    /// Whether the action is worth repeating: the error is temporary.
    public func passes(_ answer: KernelAnswer, to action: HostAction) -> Bool {
        guard case .setVFSettings(_, let settings) = action else { return false }
        if passing.contains(answer) { return true }
        let hasRates = settings.minTxRateMbps != nil || settings.maxTxRateMbps != nil
        return hasRates && passingForRates.contains(answer)
    }
}
