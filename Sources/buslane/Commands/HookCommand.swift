// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import FoundationEssentials
import Glibc

struct HookCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hook", abstract: "Installs, checks and removes the libvirt hook.",
        discussion: """
            libvirt runs the hook at each start of a domain. The hook refuses the start if the domain's devices are not \
            claimed for it. libvirt runs every executable file in its folder of hooks, so exactly one file there must \
            be Buslane's.
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
            if json { try Output.json(status) } else { Terminal.out(status.text) }
        }

        /// - Throws: for anybody but root.
        func mustBeRoot(to verb: String) throws(Failure) {
            guard geteuid() != 0 else { return }
            throw Failure(
                .notPermitted, "not-permitted", subject: folder.hook, "cannot \(verb) \(folder.hook): only root may",
                fix: "sudo buslane hook \(verb)")
        }

        /// Reloads libvirt, so that it sees the hook. Does not wait: the status shows the effect.
        func reloadLibvirt() throws(Failure) {
            guard let daemon = LibvirtDaemon.found(), daemon.process != nil, !daemon.reload() else { return }
            throw Failure(
                .refused, "libvirt-not-told", subject: daemon.name,
                "cannot reload \(daemon.name), which has to look for hooks again",
                fix: "systemctl reload \(daemon.name)")
        }
    }

    struct Install: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Installs the hook, or replaces another version by this program's.")

        @OptionGroup var options: Options
        @Option(
            help: "The hook to install (default: libexec/buslane/buslane-hook next to this program).",
            completion: .file())
        var from: String?

        func run() async throws {
            try options.mustBeRoot(to: "install")
            let source = from ?? Pristine.path
            guard let source, let content = try? File.read(source) else {
                throw Failure(
                    .refused, "hook-not-found", subject: source ?? "buslane-hook",
                    "there is no hook to install: \(source ?? Pristine.places.joined(separator: ", "))",
                    fix: "name it with --from")
            }
            if options.folder.place(comparedWith: content) == .foreign {
                throw Failure(
                    .refused, "hook-foreign", subject: options.folder.hook,
                    "\(options.folder.hook) is not Buslane's", fix: "move it to another name")
            }
            if options.status(comparedWith: content).state != .installed {
                try options.folder.install(content)
                try options.reloadLibvirt()
            } else if options.status(comparedWith: content).effect == .notSeen {
                try options.reloadLibvirt()
            }
            try options.show(options.status(comparedWith: content))
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows whether libvirt runs the hook, and which other hooks it runs.",
            discussion: "Exits with 0 if libvirt runs this version of the hook and no other copy, else with 1.")

        @OptionGroup var options: Options

        func run() async throws {
            let status = options.status(comparedWith: Pristine.path.flatMap { try? File.read($0) })
            try options.show(status)
            if !status.isAsItShouldBe { throw ExitCode(ExitStatus.refused.rawValue) }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes the hook. Starts of domains are then no longer checked.",
            discussion: "Refused while running guests use claims.")

        @OptionGroup var options: Options
        @Flag(help: "Remove it even if guests use claims, or if that is unknown.") var force = false
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
                try options.reloadLibvirt()
            }
            try options.show(options.status(comparedWith: nil))
        }

        private func mustBeUnused() async throws {
            let fix = "shut the domains down first, or use --force: their next starts are not checked"
            let claims: [ClaimsDocument.Claim]
            do {
                claims = try await connection.client.get(Route.claims, as: ClaimsDocument.self).claims
            } catch {
                throw Failure(
                    .daemonUnreachable, "claims-unknown", subject: options.folder.hook,
                    "cannot remove the hook: the daemon does not answer, so it is unknown whether guests use claims",
                    fix: fix)
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

/// The hook that was installed with this program.
private enum Pristine {
    static var path: String? { places.first { FileManager.default.fileExists(atPath: $0) } }

    /// Beside this program first.
    static var places: [String] {
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let prefix = URL(filePath: program).deletingLastPathComponent().deletingLastPathComponent().path
        return [prefix, "/usr/local", "/usr"].map { $0 + "/libexec/buslane/buslane-hook" }
    }
}
