// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc
import PrintableText
import Wire

/// libvirt's hook, run at each step of a domain's life: `50-buslane NAME OPERATION SUB-OPERATION EXTRA < domain.xml`.
///
/// libvirt holds the domain's lock until the hook ends, and waits without a limit. So the hook never calls libvirt,
/// starts no process, waits no longer than its own deadline, and asks nothing about a domain without Buslane's devices.
/// It delays every start of every domain on the host: so it is linked statically, and blocks where it waits, without
/// Foundation and without tasks.
///
/// Source: https://libvirt.org/hooks.html.
@main
struct Hook {
    /// For the daemon to make the devices ready. In seconds.
    private static let patience = 25
    /// For a report: libvirt waits, and nothing depends on the answer. In seconds.
    private static let reportPatience = 10

    static func main() {
        let arguments = CommandLine.arguments
        // libvirt always passes them.
        guard arguments.count >= 3 else { refuse("usage: buslane-hook NAME OPERATION SUB-OPERATION EXTRA") }
        let domain = arguments[1]
        let operation = HookOperation(rawValue: arguments[2])
        let isAsking: Bool
        switch operation {
        case .prepare: isAsking = true
        // libvirt kills the guest when `reconnect` fails, and ignores the result of the others.
        case .stopped, .release, .reconnect: isAsking = false
        // libvirt kills the guest when `started` fails, too; nothing is to be done at the others.
        case .other: exit(0)
        }
        // The reader of stderr may be gone; writing to it must not end the hook.
        signal(SIGPIPE, SIG_IGN)
        // The hook ends in any case, and with it the domain's lock.
        if isAsking { signal(SIGALRM, refuseLate) } else { signal(SIGALRM, passLate) }
        alarm(UInt32((isAsking ? patience : reportPatience) + 5))

        let input = DomainInput.read(from: STDIN_FILENO)
        guard input.concernsBuslane else { exit(0) }
        // The domain is locked until the hook ends, so the hook runs before other guests' work.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, -10)
        let call = HookRequest(
            domain: domain, operation: operation, reason: arguments.count > 4 ? arguments[4] : "-",
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
        // A report that the daemon does not receive goes into the spool. The daemon finds a stop that is too large for
        // the spool by itself.
        if !input.isTooLarge, !DaemonCall.post(text, to: socket, within: reportPatience).wasHeard {
            Spool.leave(text, in: environment(SpoolPlace.environmentVariable) ?? SpoolPlace.standard)
        }
        exit(0)
    }

    private static func environment(_ name: String) -> String? {
        // SAFETY: the string lives until the call returns; nothing in this program changes the environment.
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    /// Writes one line, which libvirt shows to the user who started the domain.
    private static func refuse(_ line: String) -> Never {
        let text = Array("buslane: \(line.printable)\n".utf8)
        // SAFETY: the array lends its bytes until the call returns.
        _ = unsafe write(STDERR_FILENO, text, text.count)
        exit(1)
    }
}

/// The boot and the time in it.
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

/// Ends a hook that can refuse, at its deadline.
private func refuseLate(_ signal: Int32) { _exit(1) }
/// Ends a hook that only reports, at its deadline.
private func passLate(_ signal: Int32) { _exit(0) }
