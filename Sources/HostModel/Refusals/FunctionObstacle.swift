// SPDX-License-Identifier: GPL-3.0-or-later

/// Why a function cannot be claimed, changed or released.
public enum FunctionObstacle: Hashable, Sendable {
    case unknown
    /// It is no VF of an Ethernet card.
    case settingsNeedVirtualFunction
    /// It is a VF, and its PF reports no settings of its VFs: so it enforces none.
    case settingsNotEnforced(physicalFunction: PCIAddress, driver: String?)
    /// It is in no IOMMU group, or in one that VFIO made up without an IOMMU.
    case notIsolated
    /// It is a VF whose PF is bound to a VFIO driver itself.
    case needsVFToken(physicalFunction: PCIAddress, driver: String)
    /// It is on vfio-pci's denylist.
    case deniedByVFIO(ids: String)
    /// `place` is the function's place on its PF, if it is a VF.
    case groupNotViable(group: Int, blockers: [IOMMUGroup.Blocker], place: VirtualFunction? = nil)
    /// It is a PF, and its VFs have no link while its interface is down.
    case physicalFunctionDown(interface: String)
    case heldByClaim(claim: String, owner: String)
    /// A process has its VFIO group open, and no claim is known.
    case heldByProcess(ProcessHolder)
    /// A domain's XML names it, and Buslane did not put it there.
    case heldByDomain(domain: String)
    /// A running domain's XML names it, whether it has it open yet or not.
    case heldByGuest(domain: String)
    /// A domain's XML names it, and the domain may be starting: libvirt sets a function up before it runs QEMU.
    case mayBeStarting(domain: String)
    /// The owner of its claim runs with it.
    case inUseByOwner(owner: String, ProcessHolder)
    /// The host has an interface on it that is up, or that is a port of a bridge or bond.
    case usedByHost(interface: String, master: String? = nil)
    /// Its interface is in another network namespace.
    case interfaceElsewhere
    /// It is the graphics card of the host's console. `ids` are its vendor and device.
    case hostConsole(ids: String)
    /// The host keeps data on it.
    case diskInUse(DiskUse)
    /// A process has a device file of it open.
    case deviceOpen(DeviceUse)
    /// It is a PF with VFs.
    case cutIntoVFs(count: Int)
    /// `claim` is the claim that is to use it, if its card is in doubt.
    case quarantined(reason: String, claim: String? = nil)
    case notQuarantined
    /// A claim of the pool cannot have it.
    case notInPool(String)
    /// It is no function of the kind that the claim has.
    case notLike(claim: String)
    /// A domain's XML names it as `device`, and no claim of the domain has it.
    case notClaimedForDomain(device: String, domain: String)
    /// A domain's XML names it as `device`, whose claim has another function now.
    case claimHasMoved(device: String, domain: String, to: PCIAddress)
    /// An earlier request in the queue waits for it.
    case awaited
}

extension FunctionObstacle {
    func report(on address: PCIAddress) -> ErrorReport {
        switch self {
        case .unknown:
            ErrorReport(
                .notFound, "unknown-function", address, "there is no PCI function \(address) on this host",
                remedy: "list the functions with buslane inventory")
        case .settingsNeedVirtualFunction:
            ErrorReport(
                .conflict, "settings-need-vf", address,
                "cannot set MAC, VLAN or trust on \(address): it is not a virtual function of an Ethernet card",
                remedy: "leave out --mac, --vlan, --trust and every other VF setting")
        case .settingsNotEnforced(let pf, let driver): Self.notEnforced(on: address, by: pf, driver: driver)
        case .notIsolated:
            ErrorReport(
                .conflict, "not-isolated", address, "cannot take \(address): no IOMMU isolates it",
                remedy: "claim another function; buslane doctor says why none isolates this one")
        case .needsVFToken(let pf, let driver):
            Self.needsVFToken(of: pf, on: driver, address)
        case .deniedByVFIO(let ids):
            ErrorReport(
                .conflict, "vfio-denylist", address,
                "cannot take \(address): vfio-pci has \(ids) on its denylist and does not bind it",
                remedy: "claim another function; only if you trust every guest with it, " + VFIODenylist.remedy)
        case .groupNotViable(let group, let blockers, let place):
            Self.notViable(group, blockers, place, address)
        case .physicalFunctionDown(let interface):
            ErrorReport(
                .conflict, "pf-down", address, "a VF of \(address) has no link: \(interface) is down",
                remedy: "ip link set \(interface.shellWord) up, or declare the PF and run buslane apply")
        case .heldByClaim(let claim, let owner):
            ErrorReport(
                .conflict, "held-by-claim", address, "cannot take \(address): claim \(claim) of \(owner) has it",
                remedy: "buslane release \(claim)")
        case .heldByProcess(let holder):
            ErrorReport(
                .conflict, "held-by-process", address, "cannot take \(address): \(holder) has it open",
                remedy: holder.guest.map { "virsh shutdown \($0.shellWord)" }
                    ?? "stop the guest or program of process \(holder.pid)")
        case .heldByDomain(let domain):
            ErrorReport(
                .conflict, "held-by-domain", address,
                "cannot take \(address): it is in the XML of domain \(domain), and Buslane did not put it there",
                remedy: "virsh edit \(domain.shellWord) and remove the device, or claim another function")
        case .heldByGuest(let domain):
            ErrorReport(
                .conflict, "held-by-guest", address,
                "cannot change \(address): domain \(domain) runs and has it in its XML",
                remedy: "virsh shutdown \(domain.shellWord)")
        case .mayBeStarting(let domain):
            ErrorReport(
                .notNow, "may-be-starting", address,
                "cannot change \(address): domain \(domain) has it in its XML and may be starting",
                remedy: "try again in a minute; if the domain is not to have it, remove it with virsh edit "
                    + domain.shellWord)
        case .inUseByOwner(let owner, let holder):
            ErrorReport(
                .conflict, "vf-in-use", address,
                "cannot release \(address): \(owner) is running with it: \(holder) has it open",
                remedy: "shut the domain down first")
        case .usedByHost(let interface, let master):
            ErrorReport(
                .conflict, "used-by-host", address,
                "cannot take \(address): the host uses its interface \(interface)"
                    + (master.map { " as a port of \($0)" } ?? ""),
                remedy: (master == nil ? "" : "ip link set \(interface.shellWord) nomaster && ")
                    + "ip link set \(interface.shellWord) down, if the host can do without it")
        case .interfaceElsewhere: Self.interfaceElsewhere(address)
        case .hostConsole(let ids): Self.hostConsole(ids, address)
        case .diskInUse(let disk): disk.report(on: address)
        case .deviceOpen(let use): use.report(on: address)
        case .cutIntoVFs(let count):
            ErrorReport(
                .conflict, "pf-has-vfs", address, "cannot take \(address) whole: it has \(count) VFs",
                remedy: "claim one of its VFs, or declare it with vfCount: 0")
        case .quarantined(let reason, let claim):
            Self.quarantined(reason, address, claim)
        case .notInPool(let pool):
            Self.notInPool(pool, address)
        case .notLike(let claim):
            Self.notLike(claim, address)
        case .notQuarantined:
            ErrorReport(
                .conflict, "not-quarantined", address, "\(address) is not in quarantine",
                remedy: "buslane inventory shows what is in quarantine, and why")
        case .notClaimedForDomain(let device, let domain):
            ErrorReport(
                .conflict, "not-claimed-for-domain", address,
                "\(address) (device \(device)) is not claimed for domain \(domain)",
                remedy: "buslane allocate POOL --for \("domain:\(domain)".shellWord), then buslane domain attach "
                    + domain.shellWord)
        case .claimHasMoved(let device, let domain, let other):
            Self.claimHasMoved(device, domain, to: other, address)
        case .awaited:
            ErrorReport(
                .notNow, "awaited", address, "cannot take \(address): an earlier request waits for it",
                remedy: "wait as well: buslane allocate --wait")
        }
    }
}

extension FunctionObstacle {
    private static func needsVFToken(of pf: PCIAddress, on driver: String, _ address: PCIAddress) -> ErrorReport {
        ErrorReport(
            .conflict, "vf-token", address,
            "cannot take \(address): its PF \(pf) is bound to \(driver) itself, so a VF opens only with the PF's VF "
                + "token, which libvirt cannot pass",
            remedy: "claim a VF of another PF, or bind \(pf) to its host driver and let that create the VFs")
    }

    /// A physical interface returns to the host's namespace, down, when the last process of its namespace has ended.
    ///
    /// Source: `default_device_exit_net`, net/core/dev.c.
    private static func interfaceElsewhere(_ address: PCIAddress) -> ErrorReport {
        ErrorReport(
            .conflict, "used-by-host", address,
            "cannot take \(address): its interface is in another network namespace, as of a container",
            remedy:
                "stop the container or pod that has it (lsns -t net lists the namespaces of processes, ip netns those "
                + "with a name), or move it back: ip -n NAMESPACE link set INTERFACE netns 1")
    }

    private static func hostConsole(_ ids: String, _ address: PCIAddress) -> ErrorReport {
        ErrorReport(
            .conflict, "used-by-host", address,
            "cannot take \(address): it is the graphics card of the host's console (boot_vga)",
            remedy:
                "select another graphics card as primary in the firmware setup; if the host can do without a console, "
                + "let vfio-pci bind it at boot: vfio-pci.ids=\(ids) on the kernel command line, and vfio-pci in the "
                + "initramfs")
    }

    private static func notInPool(_ pool: String, _ address: PCIAddress) -> ErrorReport {
        ErrorReport(
            .conflict, "not-in-pool", address, "\(address) is not in pool \(pool)",
            remedy: "buslane pools --json lists the functions of \(pool.shellWord)")
    }

    private static func notLike(_ claim: String, _ address: PCIAddress) -> ErrorReport {
        ErrorReport(
            .conflict, "not-like", address, "\(address) is not of the kind of function that \(claim) has",
            remedy:
                "buslane claims shows what \(claim) has; name a function of the same kind, or a PF that can have "
                + "a VF with the same index")
    }

    private static func claimHasMoved(
        _ device: String, _ domain: String, to other: PCIAddress, _ address: PCIAddress
    ) -> ErrorReport {
        ErrorReport(
            .notNow, "claim-has-moved", address,
            "the claim of device \(device) has \(other) now, and the XML of \(domain) still names \(address)",
            remedy: "buslane domain sync \(domain.shellWord), then start it again")
    }

    private static func notViable(
        _ group: Int, _ blockers: [IOMMUGroup.Blocker], _ place: VirtualFunction?, _ address: PCIAddress
    ) -> ErrorReport {
        ErrorReport(
            .conflict, "group-not-viable", address,
            "cannot take \(address): IOMMU group \(group) is not viable: "
                + blockers.map { "\($0.address) \($0.reason)" }.joined(separator: "; "),
            remedy: blockers.contains { $0.address == place?.physicalFunction }
                // Unbound, the PF would have no VFs.
                ? "enable ACS and ARI in the firmware setup, or move the card to a slot with a group for each VF"
                : "unbind \(blockers.map(\.address.description).joined(separator: ", ")) from the host driver, or "
                    + "move the card to a slot with a group of its own")
    }

    private static func quarantined(_ reason: String, _ address: PCIAddress, _ claim: String?) -> ErrorReport {
        let remedy =
            if CardDoubt.isReason(reason) {
                CardDoubt.remedy(at: address, claim: claim)
            } else if CardDoubt.isStranger(reason) {
                "select the card that is meant by its new address, or by paths, serials or macs; if this one is meant, "
                    + "buslane recover \(address)"
            } else {
                "buslane recover \(address), once nothing uses it"
            }
        return ErrorReport(
            .conflict, "quarantined", address, "cannot take \(address): it is in quarantine: \(reason)", remedy: remedy)
    }
}

extension DeviceUse {
    fileprivate func report(on address: PCIAddress) -> ErrorReport {
        ErrorReport(
            .conflict, "held-by-process", address, "cannot take \(address): \(self)",
            remedy: process.guest.map { "virsh shutdown \($0.shellWord), or take \(device) out of its XML" }
                ?? "stop \(process); fuser -v \(device.shellWord) lists all that have it open")
    }
}

extension FunctionObstacle {
    private static func notEnforced(on address: PCIAddress, by pf: PCIAddress, driver: String?) -> ErrorReport {
        ErrorReport(
            .conflict, "settings-not-enforced", address,
            "cannot set MAC, VLAN or trust on \(address): its PF \(pf), "
                + "\(driver.map { "bound to \($0)" } ?? "without a driver"), sets nothing for its VFs",
            remedy: "leave out --mac, --vlan, --trust, every other VF setting and the pool's 'defaults', or claim a VF "
                + "of another card")
    }
}

extension DiskUse {
    fileprivate func report(on address: PCIAddress) -> ErrorReport {
        ErrorReport(
            .conflict, "used-by-host", address, "cannot take \(address): \(use)",
            remedy: "\(end), if the host can do without it")
    }

    private var use: String {
        switch purpose {
        case .mounted(let point): "the host has \(device) on it mounted at \(point)"
        case .swap: "the host swaps to \(device) on it"
        case .under(let layers): "the host has \(layers.joined(separator: ", ")) on top of its disk \(device)"
        case .member(let system): "its disk \(device) belongs to the host's file system \(system)"
        case .exported(let name): "the host exports its disk \(device) as \(name)"
        case .exclusive: "its disk \(device) is in exclusive use, as by a ZFS pool or a mount in a container"
        }
    }

    /// How to end the use.
    private var end: String {
        let file = "/dev/\(device)".shellWord
        return switch purpose {
        case .mounted(let point): "umount \(point.shellWord)"
        case .swap: "swapoff \(file)"
        case .under(let layers):
            "take down \(layers.reversed().joined(separator: ", then ")) (lsblk \(file) shows the layers)"
        case .member(let system): "unmount \(system), or remove \(file) from it"
        case .exported(let name): "disable its namespace of \(name) (nvmetcli ls)"
        case .exclusive: "find the user with zpool status, lsblk and fuser -v \(file), and let it close the disk"
        }
    }
}
