// SPDX-License-Identifier: GPL-3.0-or-later
package import HostModel

/// The domain's XML places its vCPUs or memory away from the nodes of its devices.
package struct MisalignedDomain: Error, Hashable, Sendable {
    package let conflicts: [Misalignment]

    package init(_ conflicts: [Misalignment]) { self.conflicts = conflicts }
}

extension MisalignedDomain: Reportable {
    package var report: ErrorReport {
        ErrorReport(
            .unprocessable, "bad-domain-xml", "domain XML",
            "domain XML: " + conflicts.map(\.description).joined(separator: "; "),
            remedy: "change the pinning or remove it, or choose a device on the node that the domain is pinned to")
    }
}
