// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import FoundationEssentials
import Glibc

struct HookCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hook", abstract: "Puts in, and looks after, what libvirt runs at each start of a domain.",
        discussion: """
            The hook refuses the start of a domain whose devices are not claimed for it. libvirt looks for hooks in one \
            folder alone, and runs whatever is executable there: so there is to be exactly one file of Buslane's in it.
            """,
        subcommands: [Install.self, Status.self, Remove.self])

    struct Options: ParsableArguments {
        @Option(help: .init("libvirt's folder of hooks.", visibility: .private)) var hooks = HookFolder.standard
        @Flag(help: "Print JSON.") var json = false

        var folder: HookFolder { HookFolder(path: hooks) }

        func status(comparedWith pristine: [UInt8]?) -> HookStatus {
            HookStatus(of: folder, comparedWith: pristine, libvirt: LibvirtDaemon.found())
        }

        func show(_ status: HookStatus) throws {
            if json { Terminal.out(try JSON.encode(status) + [0x0a]) } else { Terminal.out(status.text) }
        }

        /// - Throws: for anybody but root.
        func mustBeRoot(to verb: String) throws(Failure) {
            guard geteuid() != 0 else { return }
            throw Failure(
                .notPermitted, "not-permitted", subject: folder.hook, "cannot \(verb) \(folder.hook): only root may",
                fix: "sudo buslane hook \(verb)")
        }

        /// Lets libvirt look, and waits for nothing: the status tells what came of it.
        func tellLibvirt() throws(Failure) {
            guard let daemon = LibvirtDaemon.found(), daemon.process != nil, !daemon.reload() else { return }
            throw Failure(
                .refused, "libvirt-not-told", subject: daemon.name,
                "\(daemon.name) could not be told to look for hooks anew",
                fix: "systemctl reload \(daemon.name)")
        }
    }

    struct Install: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Puts the hook where libvirt looks, or the version of this program in its place.")

        @OptionGroup var options: Options
        @Option(help: "The hook (default: libexec/buslane/buslane-hook beside this program).", completion: .file())
        var from: String?

        func run() async throws {
            try options.mustBeRoot(to: "install")
            let source = from ?? Pristine.path
            guard let source, let content = try? File.read(source) else {
                throw Failure(
                    .refused, "hook-not-found", subject: source ?? "buslane-hook",
                    "the hook to install is not there: \(source ?? Pristine.places.joined(separator: ", "))",
                    fix: "name it with --from")
            }
            if options.folder.place(comparedWith: content) == .foreign {
                throw Failure(
                    .refused, "hook-foreign", subject: options.folder.hook,
                    "\(options.folder.hook) is not Buslane's", fix: "move it to another name")
            }
            if options.status(comparedWith: content).state != .installed {
                try options.folder.install(content)
                try options.tellLibvirt()
            } else if options.status(comparedWith: content).effect == .notSeen {
                try options.tellLibvirt()
            }
            try options.show(options.status(comparedWith: content))
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says whether libvirt runs the hook, and what else it runs.",
            discussion: "Ends with 0 when libvirt runs this version of it alone, else with 1.")

        @OptionGroup var options: Options

        func run() async throws {
            let status = options.status(comparedWith: Pristine.path.flatMap { try? File.read($0) })
            try options.show(status)
            if !status.isAsItShouldBe { throw ExitCode(ExitStatus.refused.rawValue) }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes the hook away: from then on nobody checks what domains start with.",
            discussion: "Refused while guests run with what they claimed.")

        @OptionGroup var options: Options
        @Flag(help: "Although guests run with what they claimed, or nobody can tell.") var force = false
        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            try options.mustBeRoot(to: "remove")
            let place = options.folder.place(comparedWith: nil)
            if place == .foreign {
                throw Failure(
                    .refused, "hook-foreign", subject: options.folder.hook,
                    "\(options.folder.hook) is not Buslane's")
            }
            if place != .absent {
                if !force { try await mustBeUnused() }
                try options.folder.remove()
                try options.tellLibvirt()
            }
            try options.show(options.status(comparedWith: nil))
        }

        private func mustBeUnused() async throws {
            let fix = "shut the domains down first, or say --force: their next starts are not checked"
            let claims: [ClaimsDocument.Claim]
            do {
                claims = try await connection.client.get(Route.claims, as: ClaimsDocument.self).claims
            } catch {
                throw Failure(
                    .daemonUnreachable, "claims-unknown", subject: options.folder.hook,
                    "cannot remove the hook: nobody can tell whether guests run with what they claimed", fix: fix)
            }
            let used = claims.filter { $0.state == .inUse }
            guard let first = used.first else { return }
            throw Failure(
                .refused, "hook-in-use", subject: options.folder.hook,
                "cannot remove the hook: \(used.count == 1 ? "a claim is" : "\(used.count) claims are") in use, "
                    + "\(first.id) of \(first.ownerName) among them",
                fix: fix)
        }
    }
}

/// The hook that came with this program.
private enum Pristine {
    static var path: String? { places.first { FileManager.default.fileExists(atPath: $0) } }

    /// Beside this program first.
    static var places: [String] {
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let prefix = URL(filePath: program).deletingLastPathComponent().deletingLastPathComponent().path
        return [prefix, "/usr/local", "/usr"].map { $0 + "/libexec/buslane/buslane-hook" }
    }
}
