// SPDX-License-Identifier: GPL-3.0-or-later
package import DomainXML
package import HostModel

/// Why a domain is not as it asks to be.
package struct DomainTrouble: Error, Sendable, Equatable {
    package let code: String
    package let message: String
    package let remedy: String?

    package init(_ code: String, _ message: String, remedy: String? = nil) {
        self.code = code
        self.message = message
        self.remedy = remedy
    }
}

extension DomainTrouble: Reportable {
    package var report: ErrorReport { ErrorReport(.conflict, code, "domain", message, remedy: remedy) }
}

extension DomainTrouble {
    package static func changesAfterStop(_ device: String, of domain: String) -> DomainTrouble {
        DomainTrouble(
            "changes-after-stop",
            "domain \(domain) runs with '\(device)': its changed request is applied when it has stopped",
            remedy: "shut the domain down")
    }

    /// - Parameter claimed: the function that the domain holds under the device's name.
    package static func movedByHand(
        _ device: InjectedDevice, claimed: PCIAddress?, of domain: String
    ) -> DomainTrouble {
        DomainTrouble(
            "device-moved",
            "domain \(domain) has \(device.address) as '\(device.name)' by hand, and holds "
                + (claimed.map { "\($0)" } ?? "nothing") + " under that name: it is left so, and may not start",
            remedy:
                "virsh edit \(domain.shellWord): remove the device and change the request, or restore the device's address"
        )
    }

    package static func noPort(of domain: String, wanted: Int, free: Int) -> DomainTrouble {
        DomainTrouble(
            "no-hotplug-port",
            "domain \(domain) has \(free) free hot-plug port\(free == 1 ? "" : "s"), and its request is for \(wanted) "
                + "device\(wanted == 1 ? "" : "s") plugged in at its start",
            remedy:
                "virsh edit \(domain.shellWord) and add <controller type='pci' model='pcie-root-port'/> for each, or start it "
                + "with buslane domain start \(domain.shellWord)")
    }

    package static func notClaimed(_ devices: [String], of domain: String) -> DomainTrouble {
        DomainTrouble(
            "not-claimed-at-start",
            "domain \(domain) was started and nothing was claimed for \(devices.joined(separator: ", "))",
            remedy: "check that the hook is installed, or start it with buslane domain start \(domain.shellWord)")
    }
}

extension Domain {
    /// A domain that claims at each start, and that others start, gets its devices while it runs.
    ///
    /// - Throws: `DomainTrouble.noPort` when it has fewer free ports than its request has devices.
    package func foreseePorts(for request: DomainRequest) throws(DomainTrouble) {
        let wanted = request.devices.count
        guard let free = freeHotplugPorts, free < wanted else { return }
        throw .noPort(of: name, wanted: wanted, free: free)
    }
}
