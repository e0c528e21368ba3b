// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI

extension DomainCommand {
    struct Attach: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "attach",
            abstract: "Adds to a domain the functions that it holds and those that it requests.",
            discussion: """
                Changes the persistent XML, and the running guest where one runs; --live, --config and --both choose. \
                With both, a device is added to both or to neither.
                """)

        @OptionGroup var domain: DomainOptions
        @OptionGroup var scope: ScopeOptions
        @Option(help: "Only the device of this name; may be repeated.") var device: [String] = []

        func run() async throws {
            let document = try await domain.ask(
                Route.attach, DomainDevicesRequest(domain: domain.name, scope: scope.scope, devices: device),
                as: DomainDocument.self, doing: "adding devices to \(domain.name)")
            try domain.show(document, ifNone: "has no device to add") {
                "\($0.name) is \($0.address), \(document.place)"
            }
        }
    }

    struct Detach: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "detach",
            abstract: "Takes Buslane's devices out of a domain. The claims stay.",
            discussion: """
                A running guest is asked to release each device within --wait. A device that it keeps stays in the guest \
                and in the persistent XML (exit code 75). If the guest releases it later, the persistent XML follows.
                """)

        @OptionGroup var domain: DomainOptions
        @OptionGroup var scope: ScopeOptions
        @Option(help: "Only the device of this name; may be repeated.") var device: [String] = []
        @Option(help: "How long the guest may take to answer.", transform: parsedSeconds) var wait = 30

        func run() async throws {
            let document = try await domain.ask(
                Route.detach,
                DomainDevicesRequest(domain: domain.name, scope: scope.scope, devices: device, waitSeconds: wait),
                as: DomainDocument.self, doing: "waiting for \(domain.name) to release its devices", within: wait)
            try domain.show(document, ifNone: "has no device of Buslane's") {
                "\($0.name) (\($0.address)) taken out of \(document.origin)"
            }
        }
    }

    struct Evict: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "evict",
            abstract: "Takes all of Buslane's devices out of a running guest, to migrate or save it.",
            discussion: """
                All or none: when the guest keeps a device, the others are plugged in again. The persistent XML and the \
                claims stay, so that 'readmit' gives the guest the same functions again. When a guest leaves this host \
                for good, its claims are released once libvirt undefines it here (virsh migrate --undefinesource). \
                --release releases them at once, and takes the devices out of the persistent XML.
                """)

        @OptionGroup var domain: DomainOptions
        @Option(help: "How long the guest may take to answer.", transform: parsedSeconds) var wait = 30
        @Flag(help: "Release its claims as well.") var release = false

        func run() async throws {
            let document = try await domain.ask(
                Route.evict, EvictRequest(domain: domain.name, waitSeconds: wait, release: release),
                as: DomainDocument.self, doing: "waiting for \(domain.name) to release its devices", within: wait)
            try domain.show(document, ifNone: "runs with no device of Buslane's") {
                "\($0.name) (\($0.address)) taken out of the running guest" + (release ? " and released" : "")
            }
        }
    }

    struct Readmit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "readmit",
            abstract: "Gives a running guest its devices again, after 'evict': here, or on the host it went to.",
            discussion: "Claims what its request names and it does not hold yet, and plugs in everything that it holds."
        )

        @OptionGroup var domain: DomainOptions

        func run() async throws {
            let document = try await domain.ask(
                Route.readmit, DomainNameRequest(domain: domain.name), as: DomainDocument.self,
                doing: "adding devices to \(domain.name)")
            try domain.show(document, ifNone: "has no device to add") {
                "\($0.name) is \($0.address), \(document.place)"
            }
        }
    }
}
