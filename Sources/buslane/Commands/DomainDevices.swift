// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI

extension DomainCommand {
    struct Attach: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "attach",
            abstract: "Gives a domain the functions that it holds, and those that it requests.",
            discussion: """
                Into the persistent XML of a domain that does not run, into that and the running guest of one that \
                does; --live, --config and --both say otherwise. What is to be in both is in both or in neither.
                """)

        @OptionGroup var domain: DomainOptions
        @OptionGroup var scope: ScopeOptions
        @Option(help: "A device by its name, of several; may be repeated.") var device: [String] = []

        func run() async throws {
            let document = try await domain.ask(
                Route.attach, DomainDevicesRequest(domain: domain.name, scope: scope.scope, devices: device),
                as: DomainDocument.self, doing: "giving \(domain.name) its devices")
            try domain.tell(document, ifNone: "has no device to be given") {
                "\($0.name) is \($0.address), \(document.place)"
            }
        }
    }

    struct Detach: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "detach",
            abstract: "Takes Buslane's devices out of a domain. Its claims stay.",
            discussion: """
                A running guest is asked for each and has --wait to give it up. What it keeps stays where it is, and \
                its claim with it (exit code 75); should it give it up later, the persistent XML follows.
                """)

        @OptionGroup var domain: DomainOptions
        @OptionGroup var scope: ScopeOptions
        @Option(help: "A device by its name, of several; may be repeated.") var device: [String] = []
        @Option(help: "How long the guest may take to answer.", transform: parsedSeconds) var wait = 30

        func run() async throws {
            let document = try await domain.ask(
                Route.detach,
                DomainDevicesRequest(domain: domain.name, scope: scope.scope, devices: device, waitSeconds: wait),
                as: DomainDocument.self, doing: "waiting for \(domain.name) to give up its devices", within: wait)
            try domain.tell(document, ifNone: "has no device of Buslane's") {
                "\($0.name) (\($0.address)) taken out of \(document.origin)"
            }
        }
    }

    struct Evict: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "evict",
            abstract: "Takes all of Buslane's devices out of a running guest, so that it can be migrated or saved.",
            discussion: """
                All or none: when the guest keeps one, the others are plugged in again. The persistent XML stays as it \
                is, and so do the claims, so that 'readmit' gives the guest the same functions again. Of a guest that \
                leaves this host for good they are given back when libvirt undefines it here (virsh migrate \
                --undefinesource); --release gives them back at once, and takes the devices out of the persistent XML.
                """)

        @OptionGroup var domain: DomainOptions
        @Option(help: "How long the guest may take to answer.", transform: parsedSeconds) var wait = 30
        @Flag(help: "Give its claims back as well.") var release = false

        func run() async throws {
            let document = try await domain.ask(
                Route.evict, EvictRequest(domain: domain.name, waitSeconds: wait, release: release),
                as: DomainDocument.self, doing: "waiting for \(domain.name) to give up its devices", within: wait)
            try domain.tell(document, ifNone: "runs with no device of Buslane's") {
                "\($0.name) (\($0.address)) taken out of the running guest" + (release ? " and given back" : "")
            }
        }
    }

    struct Readmit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "readmit",
            abstract: "Gives a running guest its devices again, after 'evict': here, or on the host it went to.",
            discussion: "Claims what its request names and it does not hold yet, and plugs in whatever it holds.")

        @OptionGroup var domain: DomainOptions

        func run() async throws {
            let document = try await domain.ask(
                Route.readmit, DomainNameRequest(domain: domain.name), as: DomainDocument.self,
                doing: "giving \(domain.name) its devices")
            try domain.tell(document, ifNone: "has no device to be given") {
                "\($0.name) is \($0.address), \(document.place)"
            }
        }
    }
}
