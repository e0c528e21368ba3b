// SPDX-License-Identifier: GPL-3.0-or-later

/// Why a declaration cannot be met on this host.
public enum DeclarationObstacle: Hashable, Sendable {
    case noSRIOV(PCIAddress)
    case noDriver(PCIAddress)
    /// Neither the firmware nor the kernel gave the VFs' memory addresses.
    case noVFMemory(PCIAddress)
    case tooManyVFs(PCIAddress, wanted: Int, total: Int)
    /// The PF's driver cannot share out the interrupt vectors of its VFs.
    case msixNotShared(PCIAddress, driver: String)
    case tooManyVectors(PCIAddress, wanted: Int, total: Int)
    /// `function` is in both, or will be.
    case poolsOverlap(exclusive: String, other: String, function: PCIAddress)
    /// `met` has what each key of the selector met by itself.
    case selectorMatchesNothing(declaration: String, met: [Selector.Meeting])
    /// A value that names one PF met several.
    case selectorAmbiguous(declaration: String, met: Selector.Meeting)
    case declaredTwice(PCIAddress, places: [String])
    /// A VF of each PF would have the address.
    case macOfSeveralCards(MACAddress, declaration: String, physicalFunctions: [PCIAddress])
    case noInterfaceToSetThrough(PCIAddress)
    /// VF settings are declared for a PF whose driver has no way to set them.
    case settingsNotEnforced(PCIAddress, driver: String)
    /// `known` is empty for a PF whose ports nothing tells apart, or that has one only.
    case noSuchPort(PCIAddress, PortID, known: [PortID])
    /// VF settings are declared for a PF that is no Ethernet card.
    case settingsNeedEthernet(PCIAddress)
    /// The PF is bound to a VFIO driver itself: its VFs would open only with its VF token.
    case onVFIOItself(PCIAddress, driver: String)
    /// No PCI driver has the name that is declared for VFs. `known` are similar or usual ones.
    case noSuchVFDriver(PCIAddress, driver: String, known: [String])
    /// vfio-pci has the VFs on its denylist.
    case vfsDeniedByVFIO(PCIAddress, ids: String)
    /// A VFIO driver is declared for VFs, and no IOMMU isolates them.
    case vfioNeedsIOMMU(PCIAddress, driver: String)
    /// The PF's driver makes no VFs while its link is down.
    case vfsNeedLink(PCIAddress, driver: String)
}

extension DeclarationObstacle {
    var report: ErrorReport {
        switch self {
        case .noSRIOV(let pf):
            ErrorReport(
                .conflict, "no-sriov", pf, "cannot create VFs on \(pf): it has no SR-IOV capability",
                remedy:
                    "select only physical functions (buslane inventory --pf); if the card has SR-IOV, it is off in its "
                    + "firmware: see buslane doctor")
        case .noDriver(let pf):
            ErrorReport(
                .conflict, "no-driver", pf, "cannot create VFs on \(pf): it has no driver",
                remedy: "load the card's driver: lspci -k -s \(pf) names it")
        case .noVFMemory(let pf):
            ErrorReport(
                .conflict, "no-vf-memory", pf,
                "cannot create VFs on \(pf): the host's firmware has set no memory aside for them",
                remedy: SRIOV.memoryRemedy)
        case .tooManyVFs(let pf, let wanted, let total):
            ErrorReport(
                .conflict, "too-many-vfs", pf, "cannot create \(wanted) VFs on \(pf): it has at most \(total)",
                remedy: "declare vfCount: \(total) or less")
        case .msixNotShared(let pf, let driver):
            ErrorReport(
                .conflict, "msix-not-shared", pf,
                "cannot set MSI-X vectors of the VFs of \(pf): its driver, \(driver), gives every VF the same number",
                remedy: "leave out 'msixCount'; only a PF with vfTotalMSIX above 0 in buslane inventory --json takes it"
            )
        case .tooManyVectors(let pf, let wanted, let total):
            ErrorReport(
                .conflict, "too-many-vectors", pf,
                "cannot give the VFs of \(pf) \(wanted) MSI-X vectors: it has \(total) for all of them",
                remedy: "declare \(total) or less in all, or fewer VFs with 'msixCount'")
        case .poolsOverlap(let exclusive, let other, let function):
            ErrorReport(
                .conflict, "pools-overlap", exclusive,
                "pool '\(exclusive)' is exclusive, and pool '\(other)' has its function \(function) too",
                remedy: "give the two pools VF ranges that do not overlap")
        case .selectorMatchesNothing(let declaration, let met):
            ErrorReport(
                .conflict, "selector-matches-nothing", declaration,
                "\(declaration) selects no physical function of this host"
                    + (met.isEmpty ? "" : ": \(met.map(\.description).joined(separator: "; "))"),
                remedy: "compare the selector with buslane inventory --pf")
        case .selectorAmbiguous(let declaration, let met):
            ErrorReport(
                .conflict, "selector-ambiguous", declaration,
                "\(declaration) selects several physical functions with a key for one: \(met)",
                remedy: "select the PF by its address")
        case .declaredTwice(let pf, let places):
            ErrorReport(
                .conflict, "declared-twice", pf,
                "\(pf) is selected by more than one physicalFunctions entry"
                    + (places.isEmpty ? "" : ": \(places.joined(separator: " and "))"),
                remedy: "change the selectors so that only one entry selects it")
        case .macOfSeveralCards(let mac, let declaration, let physicalFunctions):
            ErrorReport(
                .conflict, "mac-of-several-cards", declaration,
                "\(declaration) gives \(mac) to a VF of each of "
                    + physicalFunctions.map(\.description).joined(separator: ", "),
                remedy: "select the PF by its address")
        case .noInterfaceToSetThrough(let pf):
            ErrorReport(
                .conflict, "no-interface", pf,
                "cannot set link, MTU or VF settings through \(pf): it has no network interface",
                remedy:
                    "leave these settings out; a network card has its interface while it is bound to its host driver")
        case .settingsNotEnforced(let pf, let driver):
            ErrorReport(
                .conflict, "settings-not-enforced", pf,
                "cannot set MAC, VLAN or other settings of the VFs of \(pf): its driver, \(driver), sets nothing for its "
                    + "VFs",
                remedy: "leave these settings out")
        case .noSuchPort(let pf, let port, let known):
            ErrorReport(
                .conflict, "no-such-port", pf, "\(pf) has no port \(port)",
                remedy: known.isEmpty
                    ? "leave out 'ports': its 'mtu' and 'linkUp' hold for the only port"
                    : "its ports are \(known.map(\.description).joined(separator: ", "))")
        case .settingsNeedEthernet(let pf):
            ErrorReport(
                .conflict, "settings-need-ethernet", pf,
                "cannot set MAC, VLAN or other settings of the VFs of \(pf): it is not an Ethernet card",
                remedy:
                    "leave these settings out; a VF on another fabric has GUIDs instead, set with ip link set DEV vf N "
                    + "node_guid")
        case .onVFIOItself(let pf, let driver):
            ErrorReport(
                .conflict, "pf-on-vfio", pf,
                "cannot create VFs for guests on \(pf): it is bound to \(driver) itself, so a VF opens only with the PF's "
                    + "VF token, which libvirt cannot pass",
                remedy:
                    "bind it to its host driver: driverctl unset-override \(pf), or take its ids out of the options of "
                    + "vfio-pci and reboot")
        case .noSuchVFDriver(let pf, let driver, let known):
            ErrorReport(
                .conflict, "no-such-driver", pf,
                "cannot bind the VFs of \(pf) to '\(driver)': no PCI driver of this name is loaded",
                remedy: "modprobe \(driver), if there is such a driver"
                    + (known.isEmpty ? "" : "; loaded ones: \(known.joined(separator: ", "))"))
        case .vfsDeniedByVFIO(let pf, let ids):
            ErrorReport(
                .conflict, "vfio-denylist", pf,
                "cannot bind the VFs of \(pf) to vfio-pci: it has \(ids) on its denylist",
                remedy:
                    "leave 'vfDriver' out and use the VFs on the host; only if you trust every guest with them, "
                    + VFIODenylist.remedy)
        case .vfioNeedsIOMMU(let pf, let driver):
            ErrorReport(
                .conflict, "no-iommu", pf,
                "cannot bind the VFs of \(pf) to \(driver): this host has no IOMMU that is switched on",
                remedy: "buslane doctor says why, and how to switch it on; or leave 'vfDriver' out")
        case .vfsNeedLink(let pf, let driver):
            ErrorReport(
                .conflict, "pf-down", pf,
                "cannot create VFs on \(pf) with its link declared down: its driver, \(driver), needs the link up",
                remedy: "leave out 'linkUp': Buslane sets the interface up where there are VFs")
        }
    }
}
