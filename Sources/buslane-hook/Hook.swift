// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import Wire

/// What libvirt runs at each step of a domain's life: `50-buslane NAME OPERATION SUB-OPERATION EXTRA < domain.xml`.
///
/// libvirt holds the domain locked until this ends, and waits without a limit. So: nothing here calls libvirt, starts
/// a process or waits longer than its own deadline; and a domain that is none of Buslane's passes without a question.
/// It is linked statically and blocks where it waits, without Foundation and without tasks: every start of every domain
/// on the host pays for it.
///
/// Source: https://libvirt.org/hooks.html.
@main
struct Hook {
    /// Longer than making ready takes, shorter than anyone's patience. In seconds.
    private static let patience = 25
    /// For what is told and not asked: libvirt waits, and nothing depends on the answer.
    private static let reportPatience = 10

    static func main() {
        let arguments = CommandLine.arguments
        // Without its arguments nobody knows what this is about; libvirt always gives them.
        guard arguments.count >= 3 else { refuse("usage: buslane-hook NAME OPERATION SUB-OPERATION EXTRA") }
        let domain = arguments[1]
        let isAsking: Bool
        switch arguments[2] {
        case "prepare": isAsking = true
        // libvirt kills the guest when `reconnect` fails, and ignores what the others say.
        case "stopped", "release", "reconnect": isAsking = false
        // `started` too would kill it; nothing is to be done at the rest.
        default: exit(0)
        }
        // Whoever reads our words may be gone: that is no reason to die of it.
        signal(SIGPIPE, SIG_IGN)
        // Whatever goes wrong below, the domain's lock is given back.
        if isAsking { signal(SIGALRM, giveUpAsking) } else { signal(SIGALRM, giveUpTelling) }
        alarm(UInt32((isAsking ? patience : reportPatience) + 5))

        let input = DomainInput.read(from: STDIN_FILENO)
        guard input.concernsBuslane else { exit(0) }
        // The domain is locked until this ends: it goes before the guests that start meanwhile.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, -10)
        let call = HookRequest(
            domain: domain, operation: arguments[2], reason: arguments.count > 4 ? arguments[4] : "-",
            xml: String(decoding: input.bytes, as: UTF8.self), bootID: Boot.id, sinceBoot: Boot.seconds)
        guard let text = try? call.text() else { exit(isAsking ? 1 : 0) }
        let socket = environment(SocketPath.environmentVariable) ?? SocketPath.standard
        if isAsking {
            if input.isTooLarge {
                refuse("start of \(domain) refused: its XML has more than \(DomainInput.limit) bytes")
            }
            let answer = DaemonCall.post(text, to: socket, within: patience)
            guard let problem = answer.problem(socket: socket) else { exit(0) }
            refuse("start of \(domain) refused: \(problem)")
        }
        // What cannot be told is left for the daemon to find; what is too large it finds out by itself.
        if !input.isTooLarge, !DaemonCall.post(text, to: socket, within: reportPatience).wasHeard {
            Spool.leave(text, in: environment(SpoolPlace.environmentVariable) ?? SpoolPlace.standard)
        }
        exit(0)
    }

    private static func environment(_ name: String) -> String? {
        // SAFETY: the string lives until the call returns; nothing in this program changes the environment.
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    /// One line, which libvirt hands to whoever asked for the start.
    private static func refuse(_ line: String) -> Never {
        let words = line.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? " " : Character($0) }
        let text = Array("buslane: \(String(words))\n".utf8)
        // SAFETY: the array lends its bytes until the call returns.
        _ = unsafe write(STDERR_FILENO, text, text.count)
        exit(1)
    }
}

/// When this runs.
///
/// Source: random(4), clock_gettime(2).
private enum Boot {
    static var seconds: Int {
        var now = timespec()
        // SAFETY: the kernel fills the structure, which lives until the call returns.
        unsafe clock_gettime(CLOCK_BOOTTIME, &now)
        return now.tv_sec
    }

    static var id: String? {
        // SAFETY: the literal outlives the call.
        let file = unsafe open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 64)
        // SAFETY: the kernel writes at most the length of the array, which lends its bytes until the call returns.
        let count = unsafe read(file, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return String(decoding: bytes.prefix(count).prefix { $0 > 0x20 }, as: UTF8.self)
    }
}

/// At the very end of patience, whatever was being waited for.
private func giveUpAsking(_ signal: Int32) { _exit(1) }
private func giveUpTelling(_ signal: Int32) { _exit(0) }
