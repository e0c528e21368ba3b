// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI

struct DomainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "domain", abstract: "Puts claimed functions into libvirt domains.",
        subcommands: [Inject.self, Attach.self, Detach.self])

    struct Attach: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "attach",
            abstract: "Puts the functions that a domain holds, and those it requests, into its persistent XML.")

        @Argument(help: "The domain.") var name: String
        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            let document = try await connection.client.post(
                Route.attach, DomainNameRequest(domain: name), as: DomainDocument.self)
            for device in document.devices { print("\(document.name): \(device.name) is \(device.address)") }
        }
    }

    struct Detach: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "detach",
            abstract: "Takes Buslane's devices out of a domain's persistent XML. Its claims stay.")

        @Argument(help: "The domain.") var name: String
        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            let document = try await connection.client.post(
                Route.detach, DomainNameRequest(domain: name), as: DomainDocument.self)
            for device in document.devices { print("\(document.name): \(device.name) (\(device.address)) taken out") }
            if document.devices.isEmpty { print("\(document.name) has no device of Buslane's") }
        }
    }
}
