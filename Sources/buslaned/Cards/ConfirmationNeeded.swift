// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// The refusal of an unconfirmed plan that removes VFs or interfaces of the host itself.
struct ConfirmationNeeded: Reportable {
    let blastRadius: BlastRadius

    var report: ErrorReport {
        var parts: [String] = []
        if !blastRadius.functions.isEmpty { parts.append("\(blastRadius.functions.count) VFs would vanish") }
        if !blastRadius.interfaces.isEmpty {
            parts.append("with them the host's interfaces \(blastRadius.interfaces.joined(separator: ", "))")
        }
        if !blastRadius.elsewhere.isEmpty {
            parts.append(
                "with them the interfaces of \(blastRadius.elsewhere.map(\.description).joined(separator: ", ")) in other "
                    + "network namespaces, as of containers")
        }
        return ErrorReport(
            .conflict, "confirmation-needed", "host", parts.joined(separator: ", "),
            remedy: "buslane plan shows the steps; confirm them with buslane apply --yes")
    }
}
