// SPDX-License-Identifier: GPL-3.0-or-later
import CLibvirt
public import HostModel

/// Why libvirt did not do what Buslane asked.
public enum LibvirtError: Equatable, Sendable {
    /// libvirt knows no domain of this name or UUID.
    case noSuchDomain(String)
    /// Connecting failed: libvirt's daemon is down, or refuses this user.
    case unreachable(uri: String, reason: String)
    /// libvirt accepts calls but does not answer: its process is stopped, or the domain waits for a hook. The call may
    /// still take effect.
    case noAnswer(uri: String, after: Duration)
    /// The connection broke during a call. The call may have taken effect. The next call reconnects.
    case connectionLost(reason: String)
    /// libvirt refused the call. `code` is a `virErrorNumber`; `domain` is a `virErrorDomain`, the part of libvirt that
    /// refused.
    case refused(code: Int32, domain: Int32, message: String)
}

extension LibvirtError: Reportable {
    public var report: ErrorReport {
        switch self {
        case .noSuchDomain(let name):
            ErrorReport(
                .notFound, "unknown-domain", "libvirt", "libvirt knows no domain '\(name)'",
                remedy: "list the domains with virsh list --all")
        case .unreachable(let uri, let reason):
            ErrorReport(
                .notNow, "libvirt-unreachable", "libvirt", "cannot connect to libvirt at \(uri): \(reason)",
                remedy:
                    "systemctl start virtqemud.socket, or libvirtd.socket where that is installed; as another user than "
                    + "root, join the group libvirt")
        case .noAnswer(let uri, let time):
            ErrorReport(
                .notNow, "libvirt-not-answering", "libvirt", "libvirt does not answer: no reply from \(uri) in \(time)",
                remedy: "try again; libvirt also waits while a hook runs")
        case .connectionLost(let reason):
            ErrorReport(
                .notNow, "libvirt-lost", "libvirt", "the connection to libvirt broke during a call: \(reason)",
                remedy: "check whether libvirt did what was asked, then try again")
        case .refused(let code, let domain, let message):
            ErrorReport(
                .conflict, "libvirt", "libvirt", "libvirt refused: \(message) (code \(code), domain \(domain))",
                remedy: "journalctl -u virtqemud -u libvirtd has what libvirt wrote about it")
        }
    }
}

/// libvirt's last error on this thread.
///
/// Create it directly after the call that failed, on the same thread: the next libvirt call clears the error.
struct LastError {
    let code: Int32
    let domain: Int32
    let message: String

    init() {
        // SAFETY: the error belongs to this thread and is valid until its next libvirt call. The message is copied
        // here.
        guard let error = unsafe virGetLastError() else {
            code = Int32(VIR_ERR_INTERNAL_ERROR.rawValue)
            domain = 0
            message = "libvirt gave no reason"
            return
        }
        code = unsafe error.pointee.code
        domain = unsafe error.pointee.domain
        message = unsafe error.pointee.message.map { unsafe String(cString: $0) } ?? "libvirt gave no reason"
    }

    /// Whether this is an error that a client sees when libvirt's daemon ended before or during a call.
    var isLostConnection: Bool {
        let isRPC = domain == Int32(VIR_FROM_RPC.rawValue)
        switch code {
        case Int32(VIR_ERR_INTERNAL_ERROR.rawValue), Int32(VIR_ERR_RPC.rawValue): return isRPC
        case Int32(VIR_ERR_SYSTEM_ERROR.rawValue):
            return isRPC || domain == Int32(VIR_FROM_REMOTE.rawValue) || message.contains("End of file while reading")
        default: return code == Int32(VIR_ERR_INVALID_CONN.rawValue)
        }
    }
}
