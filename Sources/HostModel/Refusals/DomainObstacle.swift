// SPDX-License-Identifier: GPL-3.0-or-later

/// Why a domain or its devices stay as they are.
public enum DomainObstacle: Hashable, Sendable {
    case running
    case notRunning
    /// It has no persistent XML.
    case transient
    /// A paused guest cannot answer an unplug request.
    case paused
    case withoutUUID
    /// It has no claim, and its XML requests no device.
    case nothingToAttach
    /// It holds and requests more devices than a domain can have.
    case tooManyDevices(Int, limit: Int)
    /// It starts without devices that it requests.
    case requestWithoutDevices(devices: [String])
    /// A device for the running guest has no port to be plugged into.
    case noPort(wanted: Int, free: Int)
    case noSuchDevice(String, known: [String])
    /// The running guest has another function under this name.
    case deviceDiffers(String, running: PCIAddress)
    /// Several of its devices are in one slot of the guest. libvirt unplugs none of them while the guest runs.
    case shareSlot([String])
    /// The guest did not give up these devices when asked.
    case keeps([String], Answer)
    /// The guest was asked to give up all devices and kept some. Those it gave up were plugged in again or are lost.
    case evictionUndone(kept: [String], Answer, pluggedAgain: [String], lost: [String])
    /// The running guest has the devices. The persistent XML could not be written, and the guest keeps them.
    case halfAttached([String], reason: String)
    /// One of several devices could not be plugged in, and those plugged in before could not be taken out again.
    case notUndone([String], reason: String, because: String)
    /// libvirt reported success, and the running XML does not show the device.
    case notPlugged(String)
    /// The host has too few huge pages on the nodes of the domain's devices: free now, or in all.
    case tooFewHugepages(shortage: String, remedy: String, mayPass: Bool)
    /// Its devices' node has too little ordinary memory for it: now, or however much of it is free.
    case tooLittleMemory(shortage: String, remedy: String, mayPass: Bool)

    /// How a guest answered a request to unplug.
    public enum Answer: String, Hashable, Sendable {
        /// It refused.
        case no
        /// It did not answer in time, and may still unplug.
        case nothing

        public var reason: String {
            switch self {
            case .no: "its guest refuses to give them up"
            case .nothing: "its guest has not answered"
            }
        }
    }
}

extension DomainObstacle {
    func report(on domain: String) -> ErrorReport {
        switch self {
        case .running:
            ErrorReport(
                .conflict, "domain-running", domain, "domain \(domain) is running already",
                remedy: "shut it down first, or leave it running")
        case .notRunning:
            ErrorReport(
                .conflict, "domain-not-running", domain,
                "domain \(domain) is not running: no device can be plugged in or unplugged",
                remedy: "leave out --live to change the persistent XML for the next start")
        case .transient:
            ErrorReport(
                .conflict, "domain-transient", domain, "domain \(domain) is transient: it has no persistent XML",
                remedy: "leave out --config, or virsh define it first")
        case .paused:
            ErrorReport(
                .notNow, "domain-paused", domain, "domain \(domain) is paused: its guest cannot give up a device",
                remedy: "virsh resume \(domain.shellWord), then try again; its devices and claims are unchanged")
        case .withoutUUID:
            ErrorReport(
                .conflict, "domain-without-uuid", domain, "cannot claim for domain \(domain): its XML has no <uuid>",
                remedy: "add a <uuid> (uuidgen makes one), or define the domain first")
        case .nothingToAttach:
            ErrorReport(
                .conflict, "nothing-to-attach", domain,
                "domain \(domain) holds no claim, and its XML requests no device",
                remedy: "buslane allocate POOL --for \("domain:\(domain)".shellWord)")
        case .tooManyDevices(let count, let limit): Self.tooMany(count, limit: limit, of: domain)
        case .requestWithoutDevices(let devices):
            ErrorReport(
                .conflict, "request-without-devices", domain,
                "domain \(domain) requests \(devices.joined(separator: ", ")), and its XML has no such device yet",
                remedy:
                    "buslane domain sync \(domain.shellWord); for a transient domain, pass its XML through buslane domain inject"
            )
        case .noPort(let wanted, let free):
            ErrorReport(
                .conflict, "no-hotplug-port", domain,
                "domain \(domain) has \(free) free hot-plug port\(free == 1 ? "" : "s"), \(wanted) wanted",
                remedy:
                    "virsh edit \(domain.shellWord) and add <controller type='pci' model='pcie-root-port'/> for each; "
                    + "it takes effect at the next start")
        case .noSuchDevice(let name, let known):
            ErrorReport(
                .conflict, "unknown-device", domain,
                "domain \(domain) has no Buslane device '\(name)'"
                    + (known.isEmpty ? "" : " (known: \(known.joined(separator: ", ")))"),
                remedy: "list its devices with buslane domain show \(domain.shellWord)")
        case .deviceDiffers(let name, let running):
            ErrorReport(
                .conflict, "device-differs", domain,
                "domain \(domain) runs with \(running) as '\(name)', and its claim has another function under that name",
                remedy: "buslane domain detach \(domain.shellWord) --live --device \(name.shellWord)")
        case .tooFewHugepages(let shortage, let remedy, let mayPass):
            mayPass
                ? Self.tooLittle(.notNow, "hugepages-in-use", domain, shortage, remedy)
                : Self.tooLittle(.conflict, "too-few-hugepages", domain, shortage, remedy)
        case .tooLittleMemory(let shortage, let remedy, let mayPass):
            mayPass
                ? Self.tooLittle(.notNow, "memory-in-use", domain, shortage, remedy)
                : Self.tooLittle(.conflict, "too-little-memory", domain, shortage, remedy)
        case .shareSlot(let devices): Self.sharedSlot(devices, of: domain)
        case .keeps(let devices, let answer):
            ErrorReport(
                .notNow, answer.code, domain, "\(answer.message(of: domain)) \(devices.joined(separator: ", "))",
                remedy: answer == .no
                    ? Self.freeInGuest
                    : Self.checkHotUnplug + "; until then domain and claim keep the device, and Buslane notices if the "
                        + "guest gives it up later")
        case .evictionUndone(let kept, let answer, let again, let lost):
            ErrorReport(
                .notNow, answer.code, domain,
                "\(answer.message(of: domain)) \(kept.joined(separator: ", "))"
                    + (again.isEmpty ? "" : "; \(again.joined(separator: ", ")) plugged in again")
                    + (lost.isEmpty ? "" : "; \(lost.joined(separator: ", ")) could not be plugged in again"),
                remedy: answer == .no
                    ? Self.freeInGuest
                    : Self.checkHotUnplug + "; buslane domain readmit \(domain.shellWord) if it gives up a device later"
            )
        case .halfAttached(let devices, let reason):
            ErrorReport(
                .conflict, "half-attached", domain,
                "domain \(domain) runs with \(devices.joined(separator: ", ")), and its persistent XML could not be "
                    + "written: \(reason)",
                remedy: "check that /etc/libvirt is writable; Buslane tries again by itself")
        case .notUndone(let devices, let reason, let because):
            ErrorReport(
                .conflict, "attach-not-undone", domain,
                "\(reason); \(devices.joined(separator: ", ")), plugged in before, cannot be taken out of domain "
                    + "\(domain) again: \(because)",
                remedy: "remove the cause and attach again, or buslane domain detach \(domain.shellWord) --live"
                    + devices.map { " --device \($0.shellWord)" }.joined())
        case .notPlugged(let name):
            ErrorReport(
                .conflict, "not-plugged", domain,
                "libvirt plugged '\(name)' into domain \(domain), and its running XML does not show it",
                remedy: "compare virsh dumpxml \(domain.shellWord) with the log of libvirtd")
        }
    }

    private static func tooMany(_ count: Int, limit: Int, of domain: String) -> ErrorReport {
        ErrorReport(
            .conflict, "too-many-devices", domain,
            "domain \(domain) holds and requests \(count) devices: the limit is \(limit)",
            remedy: "request fewer devices, or release claims of it: buslane claims lists them")
    }

    private static func sharedSlot(_ devices: [String], of domain: String) -> ErrorReport {
        ErrorReport(
            .conflict, "devices-share-slot", domain,
            "the guest of domain \(domain) cannot give up \(devices.joined(separator: ", ")) while it runs: they share "
                + "a slot, and libvirt does not unplug single devices of a slot",
            remedy:
                "shut the domain down; buslane domain detach \(domain.shellWord) --config takes them out of its persistent "
                + "XML now")
    }

    private static func tooLittle(
        _ kind: ErrorKind, _ code: String, _ domain: String, _ shortage: String, _ remedy: String
    ) -> ErrorReport {
        ErrorReport(
            kind, code, domain, "domain \(domain) cannot be placed near its devices: \(shortage)", remedy: remedy)
    }

    private static let freeInGuest = "stop what uses it in the guest, then try again; or shut the domain down"
    private static let checkHotUnplug = "check that the guest runs and handles hot-unplug, then try again"
}

extension DomainObstacle.Answer {
    fileprivate var code: String {
        switch self {
        case .no: "guest-refused"
        case .nothing: "guest-silent"
        }
    }

    fileprivate func message(of domain: String) -> String {
        switch self {
        case .no: "the guest of domain \(domain) refuses to give up"
        case .nothing: "the guest of domain \(domain) has not answered, and keeps"
        }
    }
}
