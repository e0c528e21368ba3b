// SPDX-License-Identifier: GPL-3.0-or-later
import CArguments
import Glibc
import PrintableText
import Wire

/// libvirt's hook, run at each step of a domain's life: `50-buslane NAME OPERATION SUB-OPERATION EXTRA < domain.xml`.
///
/// libvirt holds the domain's lock until the hook ends, and waits without a limit. So the hook never calls libvirt,
/// starts no process, waits no longer than its own deadline, and asks nothing about a domain without PCI functions of the
/// host. A function that the XML names without Buslane may be another owner's, so the daemon decides about it as well.
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
        // libvirt always passes them. A short word takes no memory, so that nothing can fail before the last word holds.
        guard let word = argument(2) else { refuse("usage: buslane-hook NAME OPERATION SUB-OPERATION EXTRA") }
        let operation = HookOperation(rawValue: word)
        let isAsking: Bool
        switch operation {
        case .prepare: isAsking = true
        // libvirt kills the guest when `reconnect` fails, and ignores the result of the others.
        case .stopped, .release, .reconnect: isAsking = false
        // libvirt kills the guest when `started` fails, too; nothing is to be done at the others.
        case .other: exit(0)
        }
        // The hook ends in any case, and with it the domain's lock.
        (isAsking ? LastWord.refusal : .success).holds(after: (isAsking ? patience : reportPatience) + 5)
        StandardStreams.occupy()

        let domain = argument(1) ?? ""
        let input = DomainInput.read(from: STDIN_FILENO)
        if isAsking, let defect = input.defect { refuse("start of \(domain) refused: \(defect)") }
        // The daemon finds a stop by itself whose XML is not known.
        guard input.mattersToDaemon, input.defect == nil else { exit(0) }
        // The domain is locked until the hook ends, so the hook runs before other guests' work.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, -10)
        let call = HookRequest(
            domain: domain, operation: operation, reason: argument(4) ?? "-",
            xml: String(decoding: input.bytes, as: UTF8.self), bootID: Boot.id, sinceBoot: Boot.seconds)
        guard let text = try? call.text() else { exit(isAsking ? 1 : 0) }
        let sockets = SocketPath.choices(named: environment(SocketPath.environmentVariable), asRoot: geteuid() == 0)
        let spool = environment(SpoolPlace.environmentVariable) ?? SpoolPlace.standard
        if isAsking {
            let answer = DaemonCall.post(text, to: sockets, within: patience)
            guard let problem = answer.problem(socket: sockets.last ?? SocketPath.standard) else { exit(0) }
            // Without a daemon nobody can say whose the functions are. The daemon reads of the start when it runs again.
            if !input.concernsBuslane, answer.foundNoDaemon {
                Spool.leave(text, in: spool)
                exit(0)
            }
            refuse("start of \(domain) refused: \(problem)")
        }
        // A report that the daemon does not receive goes into the spool, which is kept for domains of Buslane's.
        if !DaemonCall.post(text, to: sockets, within: reportPatience).wasHeard, input.concernsBuslane {
            Spool.leave(text, in: spool)
        }
        exit(0)
    }

    private static func argument(_ position: Int32) -> String? {
        // SAFETY: the text lives as long as the program.
        unsafe program_argument(position).map { unsafe String(cString: $0) }
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

/// The numbers 0, 1 and 2.
private enum StandardStreams {
    /// Gives those that are closed to /dev/null, so that no file of the hook gets one: what the hook and the Swift runtime
    /// write to stderr would go into it. A closed standard input stays unreadable.
    static func occupy() {
        for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) == -1 {
            // SAFETY: the literal outlives the call. It opens the lowest number that is free.
            _ = unsafe open("/dev/null", O_WRONLY)
        }
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
