// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import DomainXML
import HostModel

struct DomainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "domain", abstract: "Puts claimed functions into libvirt domains.",
        subcommands: [Inject.self, Attach.self, Detach.self])

    struct Inject: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "inject",
            abstract: "A filter: domain XML in, the same with its devices out. Everything else stays byte for byte.",
            discussion: """
                With --device, those devices are added. Without, the document's own claims and the devices that it
                requests in <metadata> are. --xml-only asks no daemon and looks at no host.

                DEVICE is ADDRESS[,kind=interface|hostdev][,mac=M][,vlan=V][,name=N]
                """)

        @OptionGroup var connection: ConnectionOptions
        @Option(help: "A device to add; may be repeated.") var device: [String] = []
        @Flag(help: "The pure transformation: no daemon, no host.") var xmlOnly = false

        func validate() throws {
            guard !xmlOnly || !device.isEmpty else { throw ValidationError("--xml-only needs a --device to add") }
        }

        func run() async throws {
            let xml = try Terminal.read("-")
            if device.isEmpty {
                let document = try await connection.client.post(
                    Route.inject, InjectRequest(xml: xml), as: DomainDocument.self)
                Terminal.out(Array(document.xml.utf8))
                return
            }
            let kinds = xmlOnly ? [:] : try await kindsOfFunctions()
            do {
                let specs = try device.map { text in
                    try DeviceSpec(text) { kinds[$0] ?? .hostdev }
                }
                if !xmlOnly { try refuseUnknown(specs, among: kinds) }
                Terminal.out(Array(try Domain(parsing: xml).adding(specs).utf8))
            } catch let error as MalformedValue {
                throw Failure(.usage, "malformed", subject: error.text, error.description)
            } catch let error as DomainXMLError {
                throw Failure(.refused, "bad-domain-xml", subject: "standard input", error.description)
            }
        }

        private func refuseUnknown(_ specs: [DeviceSpec], among kinds: [PCIAddress: DeviceSpec.Kind]) throws {
            guard let unknown = specs.first(where: { kinds[$0.address] == nil }) else { return }
            throw Failure(.refused, ErrorBody(Refusal.unknownFunction(unknown.address)).error)
        }

        /// What each function is to libvirt: a VF of a network card is an interface.
        private func kindsOfFunctions() async throws -> [PCIAddress: DeviceSpec.Kind] {
            let inventory = try await connection.client.get(Route.inventory, as: Inventory.self)
            return Dictionary(
                uniqueKeysWithValues: inventory.functions.map { function in
                    let isNetworkVF = function.virtualFunction != nil && function.class.id.hasPrefix("02")
                    return (function.address, isNetworkVF ? .interface : .hostdev)
                })
        }
    }

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
