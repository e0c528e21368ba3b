// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Glibc

/// What libvirt runs at each step of a domain's life: `50-buslane NAME OPERATION SUB-OPERATION EXTRA < domain.xml`.
///
/// libvirt holds the domain locked until this ends, and waits without a limit. So: nothing here calls libvirt, starts
/// a process or waits longer than its own deadline; and a domain that is none of Buslane's passes without a question.
///
/// Source: https://libvirt.org/hooks.html.
@main
struct Hook {
    /// Longer than making ready takes, shorter than anyone's patience.
    private static let deadline: Duration = .seconds(25)

    static func main() async {
        // Whatever goes wrong below, the domain's lock is given back.
        alarm(30)
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else {
            fail("usage: \(arguments.first ?? "hook") NAME OPERATION SUB-OPERATION EXTRA")
        }
        let (domain, operation) = (arguments[1], arguments[2])
        // Only these two concern anyone; a failure of `reconnect` or `started` would kill a running guest.
        guard operation == "prepare" || operation == "release" else { exit(0) }
        let xml = readInput()
        guard concernsBuslane(xml) else { exit(0) }
        let call = HookRequest(
            domain: domain, operation: operation, reason: arguments.count > 4 ? arguments[4] : "-",
            xml: String(decoding: xml, as: UTF8.self))
        let socket = getenv(SocketPath.environmentVariable).map { String(cString: $0) } ?? SocketPath.standard
        do {
            _ = try await ControlClient(socketPath: socket).post(
                Route.hooks, call, as: HealthDocument.self, within: deadline)
        } catch {
            // A stop cannot be refused: the daemon finds out by itself.
            guard operation == "prepare" else { exit(0) }
            fail("start of \(domain) refused: \(reason(error))")
        }
        exit(0)
    }

    /// Either mark of Buslane's: a device it put in, or a request for one.
    private static func concernsBuslane(_ xml: [UInt8]) -> Bool {
        xml.contains("ua-buslane-".utf8) || xml.contains("urn:buslane:request:".utf8)
    }

    private static func readInput() -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(STDIN_FILENO, &chunk, chunk.count)
            if count > 0 { bytes += chunk.prefix(count) } else if count == 0 || errno != EINTR { return bytes }
        }
    }

    private static func reason(_ error: ControlError) -> String {
        switch error {
        case .refused(let detail, _): detail.message + (detail.remedy.map { " (fix: \($0))" } ?? "")
        case .unreachable(let socket, _): "no daemon answers at \(socket) (fix: systemctl start buslaned)"
        case .notPermitted(let socket): "no permission to use \(socket)"
        case .timedOut: "the daemon did not answer within \(deadline)"
        case .garbled(let what): "the daemon's answer is not understood: \(what)"
        }
    }

    /// One line, which libvirt hands to whoever asked for the start.
    private static func fail(_ line: String) -> Never {
        let text = "buslane: \(line)\n"
        _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        exit(1)
    }
}
