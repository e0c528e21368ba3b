// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import Wire

/// One request to the daemon over its unix socket, and its result.
enum DaemonCall {
    case answered(status: Int, text: String)
    /// No daemon listens, or it closed the connection without an answer.
    case unreachable
    case notPermitted
    case timedOut(seconds: Int)
    /// The hook has no descriptor or memory for a socket.
    case noSocket(errno: Int32)

    /// Larger answers are not the daemon's. In bytes.
    private static let limit = 65536

    /// Whether the daemon took the request, accepted or refused. It did not if it is overloaded or failed.
    var wasHeard: Bool {
        switch self {
        case .answered(let status, _): status < 500 && status != 408 && status != 429
        case .notPermitted: true
        case .unreachable, .timedOut, .noSocket: false
        }
    }

    /// Whether there is no daemon for this user. A daemon that does not answer in time is there.
    var foundNoDaemon: Bool {
        switch self {
        case .unreachable, .notPermitted: true
        case .answered, .timedOut, .noSocket: false
        }
    }

    /// What went wrong, and how to fix it; nil for success.
    func problem(socket: String) -> String? {
        switch self {
        case .answered(200..<300, _): nil
        case .answered(let status, ""): "the daemon answered with status \(status)"
        case .answered(_, let text): text
        case .unreachable: "no daemon answers at \(socket) (fix: systemctl start buslaned)"
        case .notPermitted:
            "user \(getuid()) may not use \(socket) (fix: define the domain in qemu:///system, not in a user session)"
        case .noSocket(let errno):
            // SAFETY: the text is a constant, or lives until the next call.
            "the hook cannot open a socket: \(unsafe String(cString: strerror(errno))) (fix: raise libvirtd's limits, see systemctl show libvirtd)"
        case .timedOut(let seconds): "the daemon did not answer within \(seconds) s (fix: journalctl -u buslaned)"
        }
    }

    /// - Parameter paths: the sockets to try, in this order, until one takes the connection.
    static func post(_ body: [UInt8], to paths: [String], within seconds: Int) -> DaemonCall {
        let end = now() + seconds * 1000
        let channel = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard channel >= 0 else { return .noSocket(errno: errno) }
        defer { close(channel) }
        var problem = ENOENT
        for path in paths where problem != 0 {
            guard wait(channel, until: end) else { return .timedOut(seconds: seconds) }
            problem = connect(channel, to: path)
        }
        switch problem {
        case 0: break
        case EACCES, EPERM: return .notPermitted
        case EAGAIN: return .timedOut(seconds: seconds)
        default: return .unreachable
        }
        let head = """
            POST \(HookRequest.route) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: text/plain\r\n\
            Content-Type: application/json\r\nContent-Length: \(body.count)\r\n\r\n
            """
        let request = Array(head.utf8) + body
        var sent = 0
        while sent < request.count {
            guard wait(channel, until: end) else { return .timedOut(seconds: seconds) }
            // SAFETY: the array lends its bytes until the call returns.
            let count = unsafe request[sent...].withUnsafeBytes {
                unsafe send(channel, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 { sent += count } else if errno != EINTR { break }
        }
        // The daemon may refuse before it has read everything.
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while answer.count < limit {
            guard wait(channel, until: end) else { return .timedOut(seconds: seconds) }
            // SAFETY: the kernel writes at most the length of the array, which lends its bytes until the call returns.
            let count = unsafe recv(channel, &chunk, chunk.count, 0)
            if count == 0 { break }
            if count > 0 {
                answer += chunk.prefix(count)
                // A success needs no text: the domain's start does not wait for the rest of the answer.
                if answer.contains(0x0a), case .answered(200..<300, _) = DaemonCall(answer: answer) { break }
            } else if errno == EAGAIN {
                return .timedOut(seconds: seconds)
            } else if errno != EINTR {
                break
            }
        }
        return DaemonCall(answer: answer)
    }

    /// Reads `HTTP/1.1 STATUS …`, header lines, an empty line, and the text.
    private init(answer: [UInt8]) {
        let parts = answer.prefix { $0 != 0x0a }.split(separator: 0x20)
        guard answer.starts(with: "HTTP/1.".utf8), parts.count > 1,
            let status = Int(String(decoding: parts[1], as: UTF8.self))
        else {
            self = .unreachable
            return
        }
        let end = Array("\r\n\r\n".utf8)
        var start = answer.count
        for position in answer.indices where answer[position...].starts(with: end) {
            start = position + end.count
            break
        }
        var text = answer[start...]
        while let last = text.last, last <= 0x20 { text.removeLast() }
        self = .answered(status: status, text: String(decoding: text, as: UTF8.self))
    }

    /// - Returns: 0, or the errno.
    private static func connect(_ channel: Int32, to path: String) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        // SAFETY: the bytes fit, and the field is zeroed and keeps a zero at its end.
        let isWritten = unsafe withUnsafeMutableBytes(of: &address.sun_path) { place in
            guard bytes.count < place.count else { return false }
            unsafe place.copyBytes(from: bytes)
            return true
        }
        guard isWritten else { return ENAMETOOLONG }
        while true {
            // SAFETY: a unix socket takes a sockaddr_un as its sockaddr, with the size of a sockaddr_un.
            let result = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe Glibc.connect(channel, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            if result == 0 { return 0 }
            if errno != EINTR { return errno }
        }
    }

    /// Limits the next call on the channel to the time that is left.
    private static func wait(_ channel: Int32, until end: Int) -> Bool {
        let left = end - now()
        guard left > 0 else { return false }
        var time = timeval(tv_sec: left / 1000, tv_usec: left % 1000 * 1000)
        let size = socklen_t(MemoryLayout<timeval>.size)
        // SAFETY: the kernel reads the structure, which lives until the calls return.
        return unsafe setsockopt(channel, SOL_SOCKET, SO_RCVTIMEO, &time, size) == 0
            && setsockopt(channel, SOL_SOCKET, SO_SNDTIMEO, &time, size) == 0
    }

    /// In milliseconds.
    private static func now() -> Int {
        var time = timespec()
        // SAFETY: the kernel fills the structure, which lives until the call returns.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}
