// SPDX-License-Identifier: GPL-3.0-or-later

/// Why a declaration cannot be met on this host.
public enum DeclarationObstacle: Hashable, Sendable {
    case noSRIOV(PCIAddress)
    case noDriver(PCIAddress)
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
    /// The PF's driver makes no VFs while its link is down.
    case vfsNeedLink(PCIAddress, driver: String)
}

extension DeclarationObstacle {
    var report: ErrorReport {
        switch self {
        case .noSRIOV(let pf):
            ErrorReport(
                .conflict, "no-sriov", pf, "cannot create VFs on \(pf): it has no SR-IOV capability",
                remedy: "select only physical functions; see buslane inventory --pf")
        case .noDriver(let pf):
            ErrorReport(
                .conflict, "no-driver", pf, "cannot create VFs on \(pf): it has no driver",
                remedy: "load the card's driver: lspci -k -s \(pf) names it")
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
                remedy: "bind it to its host driver, which makes the interface, or leave these settings out")
        case .vfsNeedLink(let pf, let driver):
            ErrorReport(
                .conflict, "pf-down", pf,
                "cannot create VFs on \(pf) with its link declared down: its driver, \(driver), needs the link up",
                remedy: "leave out 'linkUp': Buslane sets the interface up where there are VFs")
        }
    }
}
