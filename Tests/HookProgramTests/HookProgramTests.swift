// SPDX-License-Identifier: GPL-3.0-or-later
import TestPrograms
import Testing

@Suite("The hook's program, at the limits of its process")
struct HookProgramTests {
    private let hook = HookProgram()

    private static let reports = ["stopped", "release", "reconnect"]

    @Test(
        "a start is refused whose XML the hook cannot read to its end; a report of it is a success",
        arguments: [
            ("<&-", "Bad file descriptor"), ("<&- >&- ", "Bad file descriptor"),
            ("0>\"$FOLDER/file\"", "Bad file descriptor"),
            ("</", "Is a directory"), ("</dev/null", "does not end with </domain>"),
        ])
    func unreadable(streams: String, reason: String) throws {
        let start = try hook.run("prepare", streams: streams)
        #expect(start.status == 1)
        #expect(start.output.hasPrefix("buslane: start of fw1 refused: its XML ") && start.output.contains(reason))
        #expect(start.output.contains("(fix: ") && start.output.count { $0 == "\n" } == 1)
        for report in Self.reports {
            let (status, output) = try hook.run(report, streams: streams)
            #expect(status == 0 && output.isEmpty, "\(report): \(output)")
        }
        #expect(hook.spooled().isEmpty)
    }

    @Test(
        "a start is refused whose XML is too large or cut off, with a device of Buslane or without one",
        arguments: [HookProgram.domain, "<domain></domain>\n"])
    func incomplete(xml: String) throws {
        let large = xml + String(repeating: " ", count: 7 << 20) + "</domain>"
        for (text, reason) in [
            (large, "more than 6291456 bytes"), (String(xml.dropLast(4)), "does not end with </domain>"),
        ] {
            let start = try hook.run("prepare", xml: text)
            #expect(start.status == 1 && start.output.contains(reason), "\(start)")
            for report in Self.reports { #expect(try hook.run(report, xml: text).status == 0) }
        }
    }

    @Test("a domain without a device of Buslane passes, whatever stands after its last tag as space")
    func passes() throws {
        let start = try hook.run("prepare", xml: "<domain type='kvm'>\n  <name>fw1</name>\n</domain>\n \t\n")
        #expect(start.status == 0 && start.output.isEmpty)
    }

    @Test("without a descriptor for the socket a start is refused and a report is a success")
    func noDescriptor() throws {
        for operation in ["prepare"] + Self.reports {
            // The loader of a debug build needs descriptors, so the limit comes while the hook waits for its input.
            let script = """
                \(HookProgram.reading(operation))
                prlimit --pid $! --nofile=3; cat "$XML" >&4; exec 4>&-; wait $!; echo "status $?"
                """
            let (_, output) = try hook.shell(script)
            #expect(output.hasSuffix("status \(operation == "prepare" ? 1 : 0)\n"), "\(operation): \(output)")
            #expect(output.contains("Too many open files") == (operation == "prepare"), "\(operation): \(output)")
        }
        #expect(hook.spooled().isEmpty)
    }

    @Test("one descriptor is enough to leave each report in the spool")
    func oneDescriptor() throws {
        for report in Self.reports { #expect(try hook.run(report, limits: ["--nofile=4"]).status == 0) }
        #expect(hook.spooled().count == 3)
    }

    @Test("a report that is larger than the limit of files is a success and leaves no file", arguments: [0, 10])
    func fileSize(limit: Int) throws {
        for report in Self.reports {
            let (status, output) = try hook.run(report, limits: ["--fsize=\(limit)"])
            #expect(status == 0 && output.isEmpty, "\(report): \(output)")
        }
        #expect(hook.spooled().isEmpty)
    }

    @Test("at each limit of memory at which the program starts, a report is a success and a start is refused")
    func memory() throws {
        let step = 1 << 20
        // `started` asks for nothing: it shows that the kernel can start the program.
        var least = step
        while least < 256 * step, try hook.run("started", limits: ["--as=\(least)"]).status != 0 { least += step }
        try #require(least < 256 * step)
        let xml = "<domain>ua-buslane-data0" + String(repeating: "'", count: 5 << 20) + "</domain>"
        for limit in stride(from: least, to: least + 48 * step, by: 3 * step) {
            for report in ["release", "reconnect"] {
                #expect(try hook.run(report, limits: ["--as=\(limit)"], xml: xml).status == 0, "\(report) at \(limit)")
            }
            let start = try hook.run("prepare", limits: ["--as=\(limit)"], xml: xml)
            #expect(start.status == 1 && start.output.contains("buslane: start "), "\(limit): \(start)")
        }
    }

    @Test("a small stack, no room for locked memory, no processes: a report is a success and in the spool")
    func otherLimits() throws {
        let limits = ["--stack=1048576", "--memlock=0", "--nproc=1", "--core=0", "--sigpending=0", "--nice=0"]
        for report in Self.reports { #expect(try hook.run(report, limits: limits).status == 0) }
        #expect(hook.spooled().count == 3)
    }

    @Test(
        "closed and full streams do not change what the hook answers",
        arguments: [">&- 2>&-", ">/dev/full 2>/dev/full", "2</dev/null"])
    func streams(_ streams: String) throws {
        #expect(try hook.run("prepare", streams: "<\"$XML\" \(streams)").status == 1)
        for report in Self.reports { #expect(try hook.run(report, streams: "<\"$XML\" \(streams)").status == 0) }
        #expect(hook.spooled().count == 3)
    }

    @Test("a reader of stderr that is gone does not end the hook by a signal")
    func brokenPipe() throws {
        // The pipe's only reader has ended before the hook starts.
        let script = """
            mkfifo "$FOLDER/pipe"; exec 4<>"$FOLDER/pipe" 5>"$FOLDER/pipe" 4<&-
            \(HookProgram.call("prepare")) <"$XML" 2>&5; echo $?
            """
        #expect(try hook.shell(script).output == "1\n")
    }

    @Test(
        "a hook that a signal ends while it reads its input has refused a start, and has passed a report",
        arguments: ["ALRM", "TERM", "HUP", "INT", "QUIT", "XCPU", "SEGV", "BUS", "ABRT", "ILL", "SYS", "USR1", "RTMAX"])
    func signals(_ signal: String) throws {
        for operation in ["prepare", "reconnect", "release"] {
            let script = "\(HookProgram.reading(operation)); kill -\(signal) $!; wait $!; echo \"status $?\""
            let (_, output) = try hook.shell(script)
            #expect(output.hasSuffix("status \(operation == "prepare" ? 1 : 0)\n"), "\(operation): \(output)")
            #expect(output.contains("buslane: start refused: the hook ") == (operation == "prepare"), "\(output)")
        }
    }

    @Test("signals that the parent blocked end the hook as well")
    func blockedSignals() throws {
        let script = """
            \(HookProgram.reading("reconnect", through: "env --block-signal=ALRM"))
            kill -ALRM $!; wait $!; echo "status $?"
            """
        #expect(try hook.shell(script).output == "status 0\n")
    }
}
