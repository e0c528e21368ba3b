// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension DomainPicture {
    /// What is left to do about device changes that were begun and not ended.
    package struct Reconciliation: Hashable, Sendable {
        /// In the running guest; to be written into the persistent XML.
        package var toConfig: [String] = []
        /// Gone from the running guest; to be taken out of the persistent XML.
        package var fromConfig: [String] = []
        /// To be asked of the guest again: it is unknown whether the guest was ever asked.
        package var ask: [String] = []
        /// Unplugged for an eviction that failed.
        package var plugAgain: [String] = []
        /// Evicted, all of them; this stays recorded.
        package var evicted: [String] = []
        /// Finished, or as they were before.
        package var ended: [String] = []

        package init() {}
    }

    /// Derived from the changes that were begun and the two XMLs as they are now.
    package var reconciliation: Reconciliation {
        var result = Reconciliation()
        let evicting = changes.filter { $0.kind == .evicting }.map(\.device)
        let staying = evicting.filter { running($0) != nil }
        for change in changes {
            let device = change.device
            let runs = running(device) != nil
            switch change.kind {
            case .attaching:
                // Not there: it was never plugged in, or the guest has stopped since; the persistent XML is untouched.
                if runs, config != nil, persistent(device) == nil {
                    result.toConfig.append(device)
                } else {
                    result.ended.append(device)
                }
            case .detaching:
                if runs {
                    result.ask.append(device)
                } else if persistent(device) != nil {
                    result.fromConfig.append(device)
                } else {
                    result.ended.append(device)
                }
            case .evicting:
                if live == nil || runs {
                    result.ended.append(device)
                } else if staying.isEmpty {
                    result.evicted.append(device)
                } else {
                    result.plugAgain.append(device)
                }
            case .evicted:
                if live == nil || runs || isForgotten(device) { result.ended.append(device) }
            }
        }
        return result
    }

    /// Whether nothing names the device any more: no XML, no claim and no request. An unreadable request may name it.
    private func isForgotten(_ device: String) -> Bool {
        !deviceNames.contains(device) && (try? wanted)?.contains(device) == false
    }
}
