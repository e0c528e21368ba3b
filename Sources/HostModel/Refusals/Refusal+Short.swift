// SPDX-License-Identifier: GPL-3.0-or-later

/// Short forms of the refusals that several rooms throw.
extension Refusal {
    public static func unknownFunction(_ address: PCIAddress) -> Refusal { .function(address, .unknown) }
    public static func quarantined(_ address: PCIAddress, reason: String) -> Refusal {
        .function(address, .quarantined(reason: reason))
    }
    public static func notQuarantined(_ address: PCIAddress) -> Refusal { .function(address, .notQuarantined) }
    public static func notClaimedForDomain(_ address: PCIAddress, device: String, domain: String) -> Refusal {
        .function(address, .notClaimedForDomain(device: device, domain: domain))
    }
    public static func inUseByOwner(_ address: PCIAddress, owner: String, _ holder: ProcessHolder) -> Refusal {
        .function(address, .inUseByOwner(owner: owner, holder))
    }
    public static func unknownPool(_ name: String, known: [String]) -> Refusal { .pool(name, .unknown(known: known)) }
    public static func quotaReached(pool: String, holder: String, limit: Int) -> Refusal {
        .pool(pool, .quotaReached(holder: holder, limit: limit))
    }
    public static func unknownClaim(_ id: String) -> Refusal { .claim(id, .unknown) }
    public static func claimChanging(_ id: String) -> Refusal { .claim(id, .changing) }
    public static func notRenewable(_ id: String, hasEnded: Bool) -> Refusal {
        .claim(id, .notRenewable(hasEnded: hasEnded))
    }
    public static func guestStarting(claim: String, domain: String) -> Refusal {
        .claim(claim, .guestStarting(domain: domain))
    }
    public static func staleGeneration(claim: String, given: Int, current: Int) -> Refusal {
        .claim(claim, .staleGeneration(given: given, current: current))
    }
    public static func nothingToAttach(domain: String) -> Refusal { .domain(domain, .nothingToAttach) }
    public static func domainWithoutUUID(_ name: String) -> Refusal { .domain(name, .withoutUUID) }
    public static func domainRunning(_ name: String) -> Refusal { .domain(name, .running) }
    public static func requestWithoutDevices(domain: String, devices: [String]) -> Refusal {
        .domain(domain, .requestWithoutDevices(devices: devices))
    }
    public static func countOutOfRange(_ count: Int) -> Refusal { .request(.countOutOfRange(count)) }
    public static func badMAC(_ mac: MACAddress) -> Refusal { .request(.badMAC(mac)) }
    public static func unknownProcess(_ pid: Int) -> Refusal { .request(.unknownProcess(pid)) }
    public static func deviceNameTaken(_ name: String, owner: String, claim: String) -> Refusal {
        .request(.deviceNameTaken(name, owner: owner, claim: claim))
    }
    public static func macInUse(_ mac: MACAddress, physicalFunction: PCIAddress, claim: String, owner: String)
        -> Refusal
    {
        .request(.macInUse(mac, physicalFunction: physicalFunction, claim: claim, owner: owner))
    }
}
