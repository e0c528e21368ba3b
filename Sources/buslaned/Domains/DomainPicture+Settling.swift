// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel
import Ledger

extension DomainPicture {
    /// What is left to do about changes that somebody began and did not end.
    struct Settlement: Hashable, Sendable {
        /// Are in the running guest, and to be written into the persistent XML.
        var toConfig: [String] = []
        /// Are gone from the running guest, and to be taken out of the persistent XML.
        var fromConfig: [String] = []
        /// To be asked of the guest again: nobody knows whether it ever was.
        var ask: [String] = []
        /// Were given up for an eviction that did not come about.
        var plugAgain: [String] = []
        /// Are evicted, all of them: that stays known.
        var evicted: [String] = []
        /// Are as they should be, or as they were.
        var settled: [String] = []
    }

    /// Pure: from what was begun, and what is there now.
    var settlement: Settlement {
        var settlement = Settlement()
        let evicting = changes.filter { $0.kind == .evicting }.map(\.device)
        let staying = evicting.filter { running($0) != nil }
        for change in changes {
            let device = change.device
            let runs = running(device) != nil
            switch change.kind {
            case .attaching:
                // Not there: it was never plugged in, or the guest has stopped since; the persistent XML is untouched.
                if runs, config != nil, persistent(device) == nil {
                    settlement.toConfig.append(device)
                } else {
                    settlement.settled.append(device)
                }
            case .detaching:
                if runs {
                    settlement.ask.append(device)
                } else if persistent(device) != nil {
                    settlement.fromConfig.append(device)
                } else {
                    settlement.settled.append(device)
                }
            case .evicting:
                if live == nil || runs {
                    settlement.settled.append(device)
                } else if staying.isEmpty {
                    settlement.evicted.append(device)
                } else {
                    settlement.plugAgain.append(device)
                }
            case .evicted:
                if live == nil || runs { settlement.settled.append(device) }
            }
        }
        return settlement
    }
}
