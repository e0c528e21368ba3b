// SPDX-License-Identifier: GPL-3.0-or-later
import Glibc

/// How a hook ends that cannot go on: at its deadline, by a signal, or at a limit of the process.
///
/// libvirt kills a running guest whose `reconnect` fails. So a hook that only reports ends with 0 whatever happens to it,
/// also without memory or descriptors. A hook that is asked refuses the start, and says why.
///
/// Source: signal(7), getrlimit(2).
enum LastWord {
    /// Of `prepare`.
    case refusal
    /// Of a report.
    case success

    /// In bytes: enough for a handler.
    private static let stackSize = 65_536
    /// From now on the process ends in this way by any signal that can be caught, at the latest after a time.
    ///
    /// It takes no memory that has to be there.
    func holds(after seconds: Int) {
        // A stack that has no room left has none for a handler either.
        var stack = unsafe stack_t()
        unsafe stack.ss_size = Self.stackSize
        unsafe stack.ss_sp = malloc(Self.stackSize)
        // SAFETY: the kernel copies the structure; the memory is never freed.
        if unsafe stack.ss_sp != nil { unsafe sigaltstack(&stack, nil) }
        var action = sigaction()
        action.sa_flags = SA_ONSTACK
        switch self {
        case .refusal: unsafe action.__sigaction_handler.sa_handler = refuseAtOnce
        case .success: unsafe action.__sigaction_handler.sa_handler = passAtOnce
        }
        // No `for`: its range takes more of the stack.
        var signal = __libc_current_sigrtmax()
        while signal > 0 {
            // SAFETY: the kernel copies the structure. It refuses the signals that cannot be caught.
            if Self.ends(signal) { unsafe sigaction(signal, &action, nil) }
            signal -= 1
        }
        // A reader of stderr that is gone, and a file beyond the limit of sizes: the write fails.
        Glibc.signal(SIGPIPE, SIG_IGN)
        Glibc.signal(SIGXFSZ, SIG_IGN)
        // The parent may have blocked the signals that end this process.
        var none = sigset_t()
        // SAFETY: both calls read or fill the set, which lives until they return.
        unsafe sigemptyset(&none)
        unsafe sigprocmask(SIG_SETMASK, &none, nil)
        alarm(UInt32(seconds))
    }

    /// Whether a process ends by a signal that it does not handle.
    private static func ends(_ signal: Int32) -> Bool {
        switch signal {
        case SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH: false
        default: true
        }
    }
}

/// Ends a hook that is asked.
private func refuseAtOnce(_ signal: Int32) {
    let line: StaticString =
        signal == SIGALRM
        ? "buslane: start refused: the hook did not end in time (fix: journalctl -u buslaned)\n"
        : "buslane: start refused: the hook was ended by a signal (fix: raise libvirtd's limits, see systemctl show libvirtd)\n"
    // SAFETY: the text lives as long as the program.
    _ = unsafe write(STDERR_FILENO, line.utf8Start, line.utf8CodeUnitCount)
    _exit(1)
}

/// Ends a hook that only reports.
private func passAtOnce(_ signal: Int32) { _exit(0) }
