// SPDX-License-Identifier: GPL-3.0-or-later

extension Refusal {
    /// A stable name for programs.
    public var code: String {
        switch self {
        case .unknownFunction: "unknown-function"
        case .unknownPool: "unknown-pool"
        case .unknownClaim: "unknown-claim"
        case .unknownProcess: "unknown-process"
        case .countOutOfRange: "count-out-of-range"
        case .settingsNeedVirtualFunction: "settings-need-vf"
        case .macNeedsOneFunction: "mac-needs-one-function"
        case .badMAC: "bad-mac"
        case .deviceNameTaken: "device-name-taken"
        case .noIOMMU: "no-iommu"
        case .noSRIOV: "no-sriov"
        case .noDriver: "no-driver"
        case .tooManyVFs: "too-many-vfs"
        case .msixNotShared: "msix-not-shared"
        case .tooManyVectors: "too-many-vectors"
        case .poolsOverlap: "pools-overlap"
        case .selectorMatchesNothing: "selector-matches-nothing"
        case .selectorAmbiguous: "selector-ambiguous"
        case .declaredTwice: "declared-twice"
        case .macOfSeveralCards: "mac-of-several-cards"
        case .noInterfaceToSetThrough: "no-interface"
        case .groupNotViable: "group-not-viable"
        case .physicalFunctionDown, .vfsNeedLink: "pf-down"
        case .heldByClaim: "held-by-claim"
        case .heldByProcess: "held-by-process"
        case .heldByDomain: "held-by-domain"
        case .domainRunning: "domain-running"
        case .inUseByOwner: "vf-in-use"
        case .usedByHost, .diskInUse: "used-by-host"
        case .cutIntoVFs: "pf-has-vfs"
        case .quarantined: "quarantined"
        case .notQuarantined: "not-quarantined"
        case .notClaimedForDomain: "not-claimed-for-domain"
        case .claimChanging: "claim-changing"
        case .guestStarting: "guest-starting"
        case .nothingToAttach: "nothing-to-attach"
        case .domainWithoutUUID: "domain-without-uuid"
        case .requestWithoutDevices: "request-without-devices"
        case .staleGeneration: "stale-generation"
        case .poolExhausted: "no-capacity"
        case .awaited: "awaited"
        case .notRenewable: "not-renewable"
        case .notPermitted: "not-permitted"
        case .quotaReached: "quota-reached"
        case .nodeExhausted: "no-capacity-on-node"
        case .cardsExhausted: "no-capacity-on-cards"
        case .notTogether: "no-capacity-together"
        case .macInUse: "mac-in-use"
        case .domain(_, let obstacle): obstacle.code
        }
    }

    /// What it is about: an address, a pool, a claim.
    public var subject: String {
        switch self {
        case .unknownFunction(let address), .settingsNeedVirtualFunction(let address), .noSRIOV(let address),
            .noDriver(let address), .notQuarantined(let address),
            .tooManyVFs(let address, _, _), .declaredTwice(let address, _), .groupNotViable(let address, _, _),
            .physicalFunctionDown(let address, _), .vfsNeedLink(let address, _), .heldByClaim(let address, _, _),
            .heldByProcess(let address, _), .heldByDomain(let address, _),
            .inUseByOwner(let address, _, _),
            .usedByHost(let address, _), .diskInUse(let address, _), .cutIntoVFs(let address, _),
            .quarantined(let address, _), .notClaimedForDomain(let address, _, _),
            .noInterfaceToSetThrough(let address), .awaited(let address), .msixNotShared(let address, _),
            .tooManyVectors(let address, _, _):
            address.description
        case .unknownPool(let name, _), .poolExhausted(let name, _, _, _, _), .nodeExhausted(let name, _, _, _),
            .cardsExhausted(let name, _, _, _, _), .quotaReached(let name, _, _),
            .notPermitted(_, let name, _, _):
            name
        case .unknownClaim(let id), .claimChanging(let id), .staleGeneration(let id, _, _), .guestStarting(let id, _),
            .notRenewable(let id, _):
            id
        case .nothingToAttach(let domain), .domainWithoutUUID(let domain), .domainRunning(let domain),
            .requestWithoutDevices(let domain, _), .domain(let domain, _):
            domain
        case .deviceNameTaken(let name, _, _): name
        case .poolsOverlap(let exclusive, _, _): exclusive
        case .countOutOfRange(let count), .macNeedsOneFunction(let count), .unknownProcess(let count): String(count)
        case .badMAC(let mac), .macInUse(let mac, _, _, _): mac.description
        case .notTogether(let pools, _, _, _): pools.first ?? ""
        case .noIOMMU: "host"
        case .selectorMatchesNothing(let declaration, _), .selectorAmbiguous(let declaration, _),
            .macOfSeveralCards(_, let declaration, _):
            declaration
        }
    }

    /// Waiting may help: exit code 75.
    public var isTemporary: Bool {
        switch self {
        case .poolExhausted, .nodeExhausted, .cardsExhausted, .notTogether, .awaited, .guestStarting, .claimChanging:
            true
        case .domain(_, let obstacle): obstacle.isTemporary
        default: false
        }
    }

    /// What and why, in one line.
    public var message: String {
        switch self {
        case .unknownFunction(let address): "there is no PCI function \(address) on this host"
        case .unknownPool(let name, let known):
            "there is no pool '\(name)'" + (known.isEmpty ? "" : " (known: \(known.joined(separator: ", ")))")
        case .unknownClaim(let id): "there is no claim \(id)"
        case .unknownProcess(let pid): "there is no process \(pid)"
        case .countOutOfRange(let count): "cannot allocate \(count) functions: the count must be at least 1"
        case .settingsNeedVirtualFunction(let address):
            "cannot set MAC, VLAN or trust on \(address): it is not a virtual function of a network card"
        case .macNeedsOneFunction(let count): "cannot give one MAC address to \(count) functions"
        case .badMAC(let mac): "a VF cannot have the MAC address \(mac): it is \(mac.isZero ? "zero" : "multicast")"
        case .deviceNameTaken(let name, let owner, let claim):
            "\(owner) has a device '\(name)' already, in claim \(claim)"
        case .noIOMMU: "cannot pass anything through: the kernel shows no IOMMU group"
        case .noSRIOV(let address): "cannot create VFs on \(address): it has no SR-IOV capability"
        case .noDriver(let address): "cannot create VFs on \(address): it has no driver"
        case .tooManyVFs(let address, let wanted, let total):
            "cannot create \(wanted) VFs on \(address): it has at most \(total)"
        case .msixNotShared(let address, let driver):
            "cannot set MSI-X vectors of the VFs of \(address): its driver, \(driver), gives every VF the same number"
        case .tooManyVectors(let address, let wanted, let total):
            "cannot give the VFs of \(address) \(wanted) MSI-X vectors: it has \(total) for all of them"
        case .poolsOverlap(let exclusive, let other, let function):
            "pool '\(exclusive)' is exclusive, and pool '\(other)' has \(function) of it too"
        case .selectorMatchesNothing(let declaration, let met):
            "\(declaration) selects no physical function of this host"
                + (met.isEmpty ? "" : ": \(met.map(\.description).joined(separator: "; "))")
        case .selectorAmbiguous(let declaration, let met):
            "\(declaration) does not say which card is meant: \(met)"
        case .declaredTwice(let address, let places):
            "\(address) is selected by more than one physicalFunctions entry"
                + (places.isEmpty ? "" : ": \(places.joined(separator: " and "))")
        case .macOfSeveralCards(let mac, let declaration, let physicalFunctions):
            "\(declaration) gives \(mac) to a VF of each of "
                + physicalFunctions.map(\.description).joined(separator: ", ")
        case .noInterfaceToSetThrough(let address):
            "cannot set link, MTU or what a VF is like through \(address): it has no network interface"
        case .groupNotViable(let address, let group, let blockers):
            "cannot take \(address): IOMMU group \(group) is not viable: "
                + blockers.map { "\($0.address) \($0.reason)" }.joined(separator: "; ")
        case .physicalFunctionDown(let address, let interface):
            "a VF of \(address) has no link: \(interface) is down"
        case .vfsNeedLink(let address, let driver):
            "cannot make VFs of \(address) with its link declared down: its driver, \(driver), makes none then"
        case .heldByClaim(let address, let claim, let owner):
            "cannot take \(address): claim \(claim) of \(owner) has it"
        case .heldByProcess(let address, let holder): "cannot take \(address): \(holder) has it open"
        case .heldByDomain(let address, let domain):
            "cannot take \(address): domain \(domain) has it in its XML, where Buslane did not put it"
        case .domainRunning(let domain): "domain \(domain) is running already"
        case .inUseByOwner(let address, let owner, let holder):
            "cannot release \(address): \(owner) is running with it: \(holder) has it open"
        case .diskInUse(let address, let disk):
            disk.mountPoint.map { "cannot take \(address): the host has \(disk.device) on it mounted at \($0)" }
                ?? "cannot take \(address): the host swaps to \(disk.device) on it"
        case .usedByHost(let address, let interface): "cannot take \(address): the host uses its interface \(interface)"
        case .cutIntoVFs(let address, let count): "cannot take \(address) whole: it is cut into \(count) VFs"
        case .quarantined(let address, let reason): "cannot take \(address): it is in quarantine: \(reason)"
        case .notQuarantined(let address): "\(address) is not in quarantine"
        case .notClaimedForDomain(let address, let device, let domain):
            "\(address) (device \(device)) is not claimed for domain \(domain)"
        case .claimChanging(let id): "claim \(id) is just being made"
        case .guestStarting(let claim, let domain): "cannot release \(claim): domain \(domain) is just starting"
        case .nothingToAttach(let domain): "domain \(domain) holds no claim, and its XML requests no device"
        case .domainWithoutUUID(let domain): "cannot claim for domain \(domain): its XML has no <uuid>"
        case .requestWithoutDevices(let domain, let devices):
            "domain \(domain) asks for \(devices.joined(separator: ", ")) and its XML has no such device yet"
        case .domain(let domain, let obstacle): obstacle.message(of: domain)
        case .staleGeneration(let claim, let given, let current):
            "claim \(claim) is at generation \(current), the request was made for \(given)"
        case .poolExhausted(let pool, let wanted, let free, let total, let reasons):
            "pool '\(pool)' has \(free) of \(total) functions free, \(wanted) wanted"
                + (reasons.isEmpty ? "" : ": \(reasons.joined(separator: "; "))")
        case .notRenewable(let id, let hasEnded):
            hasEnded ? "cannot renew \(id): it has ended" : "\(id) has no end: there is nothing to renew"
        case .awaited(let address): "cannot take \(address): somebody who came earlier waits for it"
        case .notPermitted(let what, let subject, let user, _): "\(user) may not \(what) \(subject)"
        case .quotaReached(let pool, let holder, let limit):
            "\(holder) has \(limit) claim\(limit == 1 ? "" : "s") of pool '\(pool)' already, which is its limit"
        case .nodeExhausted(let pool, let policy, let wanted, let supply):
            "pool '\(pool)' cannot give \(wanted) with NUMA policy \(policy): " + Self.list(supply)
        case .cardsExhausted(let pool, let spread, let policy, let wanted, let supply):
            "pool '\(pool)' cannot give \(wanted) \(spread == .pf ? "on as many cards" : "on one card")"
                + (policy == .none ? "" : " with NUMA policy \(policy)") + ": "
                + supply.map { "\($0.free) free on \($0.card)\($0.node.map { " (node \($0))" } ?? "")" }.joined(
                    separator: ", ")
        case .notTogether(_, let devices, let policy, let spread):
            "devices \(devices.joined(separator: ", ")) cannot be had together with NUMA policy \(policy)"
                + (spread == .any ? "" : spread == .pf ? ", each on another card" : ", all on one card")
                + ": each is free by itself"
        case .macInUse(let mac, let physical, let claim, let owner):
            "cannot give \(mac) to a VF of \(physical): claim \(claim) of \(owner) has it on that card"
        }
    }

    /// What would help, where something would.
    public var remedy: String? {
        switch self {
        case .unknownFunction: "buslane inventory lists the functions"
        case .unknownPool: "buslane pools lists the pools; they are declared in /etc/buslane/buslane.yaml"
        case .unknownClaim: "buslane claims lists the live claims"
        case .unknownProcess: "name a process that runs; $$ is the shell's own"
        case .countOutOfRange, .declaredTwice, .badMAC: nil
        case .settingsNeedVirtualFunction: "leave out --mac, --vlan, --trust and what else is set of a VF"
        case .macNeedsOneFunction: "allocate one function a MAC address"
        case .deviceNameTaken(_, _, let claim): "choose another name, or buslane release \(claim)"
        case .noIOMMU:
            "switch on VT-d or AMD-Vi in the firmware and boot with intel_iommu=on (Intel); see buslane doctor"
        case .noSRIOV: "select physical functions alone; see buslane inventory --pf"
        case .noDriver(let address): "load the card's driver: lspci -k -s \(address) names it"
        case .tooManyVFs(_, _, let total): "declare vfCount: \(total) or less"
        case .msixNotShared: "leave out 'msixCount'; buslane inventory --json tells where 'vfTotalMSIX' is more than 0"
        case .tooManyVectors(_, _, let total): "declare \(total) or less in all, or fewer VFs with 'msixCount'"
        case .poolsOverlap: "give the two pools ranges of VFs that have none in common"
        case .selectorMatchesNothing: "compare the selector with buslane inventory --pf"
        case .selectorAmbiguous, .macOfSeveralCards: "name the card by its address"
        case .noInterfaceToSetThrough:
            "bind it to its host driver, which makes the interface, or leave them out"
        case .groupNotViable(_, _, let blockers):
            "take \(blockers.map(\.address.description).joined(separator: ", ")) from their drivers, or move the card "
                + "to a slot with a group of its own"
        case .physicalFunctionDown(_, let interface): "ip link set \(interface) up, or declare the PF and buslane apply"
        case .vfsNeedLink: "leave out 'linkUp': the interface is switched on where there are VFs"
        case .heldByClaim(_, let claim, _): "buslane release \(claim)"
        case .heldByProcess, .inUseByOwner: "shut the domain down first"
        case .heldByDomain(_, let domain): "virsh edit \(domain) and take the device out, or claim another function"
        case .domainRunning: "shut it down first, or leave it be"
        case .diskInUse(_, let disk):
            disk.mountPoint.map { "umount \($0), if the host can do without it" }
                ?? "swapoff /dev/\(disk.device), if the host can do without it"
        case .usedByHost(_, let interface): "ip link set \(interface) down, if the host can do without it"
        case .cutIntoVFs: "claim one of its VFs, or declare it with vfCount: 0"
        case .quarantined(let address, _): "buslane recover \(address), once nobody has it"
        case .notQuarantined: "buslane inventory shows what is, and why"
        case .notClaimedForDomain(_, _, let domain):
            "buslane allocate POOL --for domain:\(domain), then buslane domain attach \(domain)"
        case .claimChanging: "try again"
        case .guestStarting(_, let domain): "try again in a minute, or virsh destroy \(domain)"
        case .nothingToAttach(let domain): "buslane allocate POOL --for domain:\(domain)"
        case .domainWithoutUUID: "add a <uuid> (uuidgen makes one), or define the domain first"
        case .requestWithoutDevices(let domain, _):
            "buslane domain sync \(domain); a transient domain's XML goes through buslane domain inject first"
        case .staleGeneration: "ask for the claim again"
        case .domain(let domain, let obstacle): obstacle.remedy(for: domain)
        case .poolExhausted(_, _, _, 0, _): "declare VFs for it and run buslane apply"
        case .poolExhausted(_, let wanted, _, let total, _) where wanted > total:
            "ask for at most \(total), or declare more VFs"
        case .notPermitted(_, _, _, let remedy): remedy
        case .notRenewable(_, let hasEnded): hasEnded ? "claim again" : nil
        case .awaited: "wait as well: buslane allocate --wait"
        case .quotaReached: "release one of them; the pool's 'maxClaims' is the limit"
        case .cardsExhausted: "ask for fewer, or leave out --spread; buslane claims shows who has what"
        case .notTogether: "buslane pools shows what is free on which node; ask for fewer, or with --numa preferred"
        case .macInUse(_, _, let claim, _): "choose another MAC address, or buslane release \(claim)"
        case .poolExhausted, .nodeExhausted: "release a claim, or try again later; buslane claims shows who has what"
        }
    }

    private static func list(_ supply: [NodeSupply]) -> String {
        guard !supply.isEmpty else { return "none free" }
        return supply.map { entry in
            "\(entry.free) free on " + (entry.node.map { "node \($0)" } ?? "an unknown node")
        }.joined(separator: ", ")
    }
}
