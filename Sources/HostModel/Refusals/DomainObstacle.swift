// SPDX-License-Identifier: GPL-3.0-or-later

/// Why a domain's devices stay as they are. What and why are told by ``Refusal``, which names the domain.
public enum DomainObstacle: Hashable, Sendable {
    case notRunning
    /// It has no persistent XML.
    case transient
    /// What doesn't run answers nothing.
    case paused
    /// A device for the running guest has no port to be plugged into.
    case noPort(wanted: Int, free: Int)
    case noSuchDevice(String, known: [String])
    /// The running guest has another function under this name.
    case deviceDiffers(String, running: PCIAddress)
    /// Several of its devices are in one slot of the guest's, out of which libvirt takes none while it runs.
    case shareSlot([String])
    /// Asked, it did not give these devices up.
    case keeps([String], Answer)
    /// Asked to give up all, it kept these; what it gave up was plugged in again, or could not be.
    case evictionUndone(kept: [String], Answer, pluggedAgain: [String], lost: [String])
    /// The running guest has it, and the persistent XML could not be written, nor the guest made to give it up.
    case halfAttached([String], reason: String)
    /// Of several devices one could not be plugged in, and these that were before could not be taken out again.
    case notUndone([String], reason: String, because: String)
    /// libvirt took the device, and the running XML does not show it.
    case notPlugged(String)
    /// Near its devices the host has not the huge pages that it asks for.
    case tooFewHugepages(shortage: String, remedy: String)

    public enum Answer: String, Hashable, Sendable {
        /// It said no.
        case no
        /// It said nothing until the time was over, and may still do it.
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
    var code: String {
        switch self {
        case .notRunning: "domain-not-running"
        case .transient: "domain-transient"
        case .paused: "domain-paused"
        case .noPort: "no-hotplug-port"
        case .noSuchDevice: "unknown-device"
        case .deviceDiffers: "device-differs"
        case .keeps(_, .no), .evictionUndone(_, .no, _, _): "guest-refused"
        case .keeps(_, .nothing), .evictionUndone(_, .nothing, _, _): "guest-silent"
        case .shareSlot: "devices-share-slot"
        case .halfAttached: "half-attached"
        case .notUndone: "attach-not-undone"
        case .notPlugged: "not-plugged"
        case .tooFewHugepages: "too-few-hugepages"
        }
    }

    var isTemporary: Bool {
        switch self {
        case .paused, .keeps, .evictionUndone: true
        default: false
        }
    }

    func message(of domain: String) -> String {
        switch self {
        case .notRunning: "domain \(domain) does not run: there is nothing to plug into or out of"
        case .transient: "domain \(domain) is transient: it has no persistent XML"
        case .paused: "domain \(domain) is paused: its guest cannot give a device up"
        case .noPort(let wanted, let free):
            "domain \(domain) has \(free) free hot-plug port\(free == 1 ? "" : "s"), \(wanted) wanted"
        case .noSuchDevice(let name, let known):
            "domain \(domain) has no device '\(name)' of Buslane's"
                + (known.isEmpty ? "" : " (known: \(known.joined(separator: ", ")))")
        case .deviceDiffers(let name, let running):
            "domain \(domain) runs with \(running) as '\(name)', which is not what it holds under that name"
        case .keeps(let devices, let answer): "\(Self.refusing(domain, answer)) \(devices.joined(separator: ", "))"
        case .evictionUndone(let kept, let answer, let again, let lost):
            "\(Self.refusing(domain, answer)) \(kept.joined(separator: ", "))"
                + (again.isEmpty ? "" : "; \(again.joined(separator: ", ")) plugged in again")
                + (lost.isEmpty ? "" : "; \(lost.joined(separator: ", ")) could not be plugged in again")
        case .halfAttached(let devices, let reason):
            "domain \(domain) runs with \(devices.joined(separator: ", ")), and its persistent XML could not be written: "
                + reason
        case .shareSlot(let devices):
            "the guest of domain \(domain) cannot give up \(devices.joined(separator: ", ")) while it runs: they share a "
                + "slot, and libvirt unplugs none of several"
        case .notUndone(let devices, let reason, let because):
            "\(reason); \(devices.joined(separator: ", ")), plugged in before, cannot be taken out of domain \(domain) "
                + "again: \(because)"
        case .notPlugged(let name):
            "libvirt plugged '\(name)' into domain \(domain), and its running XML does not show it"
        case .tooFewHugepages(let shortage, _): "domain \(domain) cannot be put near its devices: \(shortage)"
        }
    }

    func remedy(for domain: String) -> String? {
        switch self {
        case .notRunning: "leave out --live: the persistent XML is changed for the next start"
        case .transient: "leave out --config, or virsh define it first"
        case .paused: "virsh resume \(domain), and try again; its devices and claims are as they were"
        case .noPort:
            "virsh edit \(domain) and add <controller type='pci' model='pcie-root-port'/> for each; it counts from the "
                + "next start"
        case .noSuchDevice: "buslane domain show \(domain) lists its devices"
        case .deviceDiffers(let name, _): "buslane domain detach \(domain) --live --device \(name)"
        case .keeps(_, .nothing):
            "see that the guest runs and handles hot-unplug, then try again; until then device and claim stay its own, "
                + "and should it give the device up later, that is taken note of"
        case .evictionUndone(_, .nothing, _, _):
            "see that the guest runs and handles hot-unplug, then try again; buslane domain readmit \(domain) if it "
                + "gives a device up later"
        case .keeps(_, .no), .evictionUndone(_, .no, _, _):
            "stop what uses it in the guest, then try again; or shut the domain down"
        case .shareSlot:
            "shut the domain down; buslane domain detach \(domain) --config takes them out of its persistent XML now"
        case .notUndone(let devices, _, _):
            "mend that and attach again, or buslane domain detach \(domain) --live"
                + devices.map { " --device \($0)" }.joined()
        case .halfAttached: "it is tried again by itself; see that /etc/libvirt can be written to"
        case .notPlugged: "virsh dumpxml \(domain), and the log of libvirtd, tell more"
        case .tooFewHugepages(_, let remedy): remedy
        }
    }

    private static func refusing(_ domain: String, _ answer: Answer) -> String {
        switch answer {
        case .no: "the guest of domain \(domain) refuses to give up"
        case .nothing: "the guest of domain \(domain) has not answered, and keeps"
        }
    }
}
