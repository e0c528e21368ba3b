// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc

extension DomainInput {
    /// Why the hook does not know the whole XML; nil when it does.
    var defect: Defect? {
        if isTooLarge { return .tooLarge }
        if let failure { return .unreadable(errno: failure) }
        return isComplete ? nil : .incomplete
    }

    enum Defect: CustomStringConvertible {
        case tooLarge
        case unreadable(errno: Int32)
        /// It ends before the domain's last tag.
        case incomplete

        /// With its remedy.
        var description: String {
            switch self {
            case .tooLarge:
                "its XML has more than \(DomainInput.limit) bytes (fix: virsh edit; see its metadata)"
            case .unreadable(let errno):
                // SAFETY: the text is a constant, or lives until the next call.
                "its XML cannot be read: \(unsafe String(cString: strerror(errno))) (fix: journalctl -u libvirtd)"
            case .incomplete:
                "its XML does not end with </domain> (fix: journalctl -u libvirtd)"
            }
        }
    }
}
