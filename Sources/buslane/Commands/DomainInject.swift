// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import DomainXML
import HostModel

extension DomainCommand {
    struct Inject: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "inject",
            abstract: "A filter: domain XML in, the same with its devices out. Everything else stays byte for byte.",
            discussion: """
                With --device, those devices are added. Without, the document's own claims and the devices that it \
                requests in <metadata> are. --xml-only asks no daemon and looks at no host.

                DEVICE is an ADDRESS and what is to be known of it, after commas: kind=interface or hostdev, mac=M, vlan=V, \
                name=N, failover=ALIAS, companion=NAME.

                failover names the virtio interface that stands in while the device is away. A companion shares the \
                guest's slot of the device of that name, as a GPU's sound does.

                Before a pipe whose end starts a domain, say set -o pipefail: nothing is printed when it is refused.
                  virt-install … --print-xml | buslane domain inject | virsh create /dev/stdin
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
                Terminal.out(document.xml)
                return
            }
            let kinds = xmlOnly ? nil : try await kindsOfFunctions()
            Terminal.out(try Self.edited(xml, adding: device, kinds: kinds))
        }

        /// The document with these devices in it.
        ///
        /// - Parameter kinds: what the host's functions are to libvirt; nil looks at no host.
        static func edited(
            _ xml: String, adding devices: [String], kinds: [PCIAddress: DeviceSpec.Kind]?
        ) throws(Failure) -> String {
            do {
                var specs: [DeviceSpec] = []
                for text in devices {
                    let spec = try DeviceSpec(text) { kinds?[$0] ?? .hostdev }
                    if let kinds, kinds[spec.address] == nil {
                        throw Failure(.refused, ErrorBody(Refusal.unknownFunction(spec.address)).error)
                    }
                    specs.append(spec)
                }
                return try Domain(parsing: xml).adding(specs)
            } catch let error as MalformedValue {
                throw Failure(
                    .usage, "malformed", subject: error.text, error.description,
                    fix: "buslane domain inject --help says what a device is written like")
            } catch let error as DomainXMLError {
                throw Failure(
                    .refused, "bad-domain-xml", subject: "standard input", error.description, fix: error.remedy)
            } catch let error as Failure {
                throw error
            } catch {
                throw Failure(.refused, "bad-domain-xml", subject: "standard input", "\(error)")
            }
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
}
