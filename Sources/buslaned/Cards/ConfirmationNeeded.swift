// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// The plan would take something from the host itself, and nobody has confirmed that.
struct ConfirmationNeeded: Reportable {
    let blastRadius: BlastRadius

    var report: ErrorReport {
        var parts: [String] = []
        if !blastRadius.functions.isEmpty { parts.append("\(blastRadius.functions.count) VFs would vanish") }
        if !blastRadius.interfaces.isEmpty {
            parts.append("with them the host's interfaces \(blastRadius.interfaces.joined(separator: ", "))")
        }
        return ErrorReport(
            .conflict, "confirmation-needed", "host", parts.joined(separator: ", "),
            remedy: "buslane plan shows the steps; confirm them with buslane apply --yes")
    }
}
