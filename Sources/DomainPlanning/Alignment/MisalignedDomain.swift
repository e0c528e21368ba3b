// SPDX-License-Identifier: GPL-3.0-or-later
package import HostModel

/// The domain's XML places its vCPUs or memory away from the nodes of its devices.
package struct MisalignedDomain: Error, Hashable, Sendable {
    package let conflicts: [Misalignment]

    /// How many of them the message names: a guest can have thousands of vCPUs.
    private static let most = 8

    package init(_ conflicts: [Misalignment]) { self.conflicts = conflicts }
}

extension MisalignedDomain: Reportable {
    package var report: ErrorReport {
        ErrorReport(
            .unprocessable, "bad-domain-xml", "domain XML",
            "domain XML: " + conflicts.prefix(Self.most).map(\.description).joined(separator: "; ")
                + (conflicts.count > Self.most ? "; and \(conflicts.count - Self.most) more" : ""),
            remedy: "change the pinning or remove it, or choose a device on the node that the domain is pinned to")
    }
}
