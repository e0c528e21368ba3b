// SPDX-License-Identifier: GPL-3.0-or-later
import CLibvirt

/// Why libvirt did not do what it was asked. One line each: the subject, what is wrong, why.
public enum LibvirtError: Error, Equatable, Sendable {
    /// libvirt knows no domain of this name or UUID.
    case noSuchDomain(String)
    /// No connection could be made: the daemon is down, or refuses this user.
    case unreachable(uri: String, reason: String)
    /// libvirt takes calls and does not answer them: it is stopped, or what the call is about waits for a hook. Whether it
    /// will still do what was asked is not known.
    case noAnswer(uri: String, after: Duration)
    /// The connection broke during a call: whether libvirt did what was asked is not known. The next call reconnects.
    case connectionLost(reason: String)
    /// libvirt said no. `code` is a `virErrorNumber`, `domain` the part of libvirt that said so, a `virErrorDomain`.
    case refused(code: Int32, domain: Int32, message: String)
}

extension LibvirtError: CustomStringConvertible {
    public var description: String {
        let text =
            switch self {
            case .noSuchDomain(let name): "domain '\(name)': libvirt knows no such domain"
            case .unreachable(let uri, let reason): "libvirt at \(uri) cannot be reached: \(reason)"
            case .noAnswer(let uri, let time): "libvirt does not answer: nothing from \(uri) in \(time)"
            case .connectionLost(let reason): "connection to libvirt lost during a call: \(reason)"
            case .refused(let code, let domain, let message):
                "libvirt refused: \(message) (code \(code), domain \(domain))"
            }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 ? " " : $0 }))
    }
}

/// The error that libvirt kept for this thread.
///
/// Made right after the call that failed and on its thread: libvirt forgets it at the next call.
struct LastError {
    let code: Int32
    let domain: Int32
    let message: String

    init() {
        // SAFETY: the error is the thread's own and stays until its next call; its message is copied here.
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

    /// What a client sees when the daemon went away during a call, or before one.
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
