// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// How a command ends.
enum ExitStatus: Int32 {
    case done = 0
    /// Refused or failed.
    case refused = 1
    case usage = 64
    case daemonUnreachable = 69
    /// No capacity, or timed out.
    case notNow = 75
    case notPermitted = 77
}

extension ExitStatus {
    init(_ kind: ErrorKind) {
        self =
            switch kind {
            case .notFound, .conflict, .unprocessable, .failed, .noRoom: .refused
            case .malformed: .usage
            case .unreachable: .daemonUnreachable
            case .notNow, .tooMany: .notNow
            case .notPermitted: .notPermitted
            }
    }
}
