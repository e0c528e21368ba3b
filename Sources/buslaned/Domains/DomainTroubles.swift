// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import DomainXML
import HostModel
import Synchronization

/// Why a domain is not as it asks to be.
struct DomainTrouble: Error, Sendable, Equatable {
    let code: String
    let message: String
    let remedy: String?

    init(_ code: String, _ message: String, remedy: String? = nil) {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    init(_ error: any Error) {
        if let trouble = error as? DomainTrouble {
            self = trouble
            return
        }
        let detail = ErrorMapping.answer(to: error).1.error
        self.init(detail.code, detail.message, remedy: detail.remedy)
    }
}

extension DomainTrouble {
    static func changesAfterStop(_ device: String, of domain: String) -> DomainTrouble {
        DomainTrouble(
            "changes-after-stop",
            "domain \(domain) runs with '\(device)': what its request asks for now is done when it has stopped",
            remedy: "shut the domain down")
    }

    /// - Parameter claimed: what it holds under the device's name.
    static func movedByHand(_ device: InjectedDevice, claimed: PCIAddress?, of domain: String) -> DomainTrouble {
        DomainTrouble(
            "device-moved",
            "domain \(domain) has \(device.address) as '\(device.name)' by hand, and holds "
                + (claimed.map { "\($0)" } ?? "nothing") + " under that name: it is left so, and may not start",
            remedy: "virsh edit \(domain): take the device out and change the request, or give it back its address")
    }

    static func noPort(of domain: String, wanted: Int, free: Int) -> DomainTrouble {
        DomainTrouble(
            "no-hotplug-port",
            "domain \(domain) has \(free) free hot-plug port\(free == 1 ? "" : "s"), and its request is for \(wanted) "
                + "device\(wanted == 1 ? "" : "s") plugged in at its start",
            remedy:
                "virsh edit \(domain) and add <controller type='pci' model='pcie-root-port'/> for each, or start it "
                + "with buslane domain start \(domain)")
    }

    static func notClaimed(_ devices: [String], of domain: String) -> DomainTrouble {
        DomainTrouble(
            "not-claimed-at-start",
            "domain \(domain) was started and nothing was claimed for \(devices.joined(separator: ", "))",
            remedy: "see that the hook is installed, or start it with buslane domain start \(domain)")
    }
}

/// The last trouble of each domain. Kept in memory alone: a new process looks anew.
final class DomainTroubles: Sendable {
    struct Episode: Sendable {
        let trouble: DomainTrouble
        /// When it was met first.
        let since: Int
        /// How often it was met since, that time included.
        var tries = 1
    }

    private let last = Mutex<[String: Episode]>([:])

    /// - Parameter uuid: the domain's, in lower case.
    subscript(uuid: String) -> Episode? { last.withLock { $0[uuid] } }

    /// - Parameter trouble: nil when there is none any more.
    /// - Returns: whether that is news.
    func note(_ trouble: DomainTrouble?, of uuid: String, at now: Int) -> Bool {
        last.withLock { last in
            if let trouble, last[uuid]?.trouble == trouble {
                last[uuid]?.tries += 1
                return false
            }
            defer { last[uuid] = trouble.map { Episode(trouble: $0, since: now) } }
            return trouble != nil || last[uuid] != nil
        }
    }
}
