// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import HostModel

/// `buslane`, the command.
@main
struct Control: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "buslane",
        abstract: "Manages SR-IOV and PCI passthrough on a KVM host: each function has one owner.",
        discussion: """
            See the host:        buslane inventory
            Find problems:       buslane doctor
            Declare VFs, pools:  in /etc/buslane/buslane.yaml
            Create the VFs:      buslane plan, then buslane apply
            Claim a function:    buslane allocate POOL --for domain:NAME
            Give it to a guest:  buslane domain attach NAME
            """,
        version: Version.current,
        subcommands: commands)

    private static let commands: [any ParsableCommand.Type] = [
        InventoryCommand.self, TopologyCommand.self, PlanCommand.self, ApplyCommand.self, PoolsCommand.self,
        ClaimsCommand.self, AllocateCommand.self, ReleaseCommand.self, RenewCommand.self, DomainCommand.self,
        EventsCommand.self,
        AuditCommand.self, RecoverCommand.self, DoctorCommand.self, ConfigCommand.self, LedgerCommand.self,
        HookCommand.self,
    ]

    /// - Throws: ``Failure`` for a first word that is not a command.
    private static func refuseUnknownCommand(_ word: String?) throws {
        guard let word, !word.hasPrefix("-") else { return }
        let known = commands.flatMap { [$0.configuration.commandName ?? ""] + $0.configuration.aliases } + ["help"]
        guard !known.contains(word) else { return }
        let meant = word.nearest(among: known).map { "; did you mean '\($0)'?" } ?? ""
        throw Failure(
            .usage, "usage", subject: word, "there is no command '\(word)'\(meant)",
            fix: "buslane --help lists the commands")
    }

    static func main() async {
        do {
            try refuseUnknownCommand(CommandLine.arguments.dropFirst().first)
            var command = try await asyncParseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            Failure.exit(with: error)
        }
    }
}
