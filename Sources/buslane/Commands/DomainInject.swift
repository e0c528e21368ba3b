// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import DomainXML
import HostModel

extension DomainCommand {
    struct Inject: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "inject",
            abstract: "A filter that adds devices to a domain XML. Everything else stays byte for byte.",
            discussion: """
                With --device, adds those devices. Without, adds the functions that the domain has claimed and those \
                that it requests in <metadata>. --xml-only asks no daemon and reads no host.

                DEVICE is an ADDRESS, followed by any of: ,kind=interface or ,kind=hostdev, ,mac=M, ,vlan=V, ,name=N, \
                ,failover=ALIAS, ,companion=NAME.

                failover names the virtio interface that carries the traffic while the device is unplugged. companion \
                names the device whose slot in the guest this one shares, as a GPU's sound does.

                In a pipe that starts a domain, use set -o pipefail: when the devices are refused, nothing is printed.
                  virt-install … --print-xml | buslane domain inject | virsh create /dev/stdin
                """)

        @OptionGroup var connection: ConnectionOptions
        @Option(help: "A device to add; may be repeated.") var device: [String] = []
        @Flag(help: "Edit the XML without the daemon and the host.") var xmlOnly = false

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

        /// The document with these devices added.
        ///
        /// - Parameter kinds: how libvirt takes each function of the host; nil to know none.
        static func edited(
            _ xml: String, adding devices: [String], kinds: [PCIAddress: DeviceSpec.Kind]?
        ) throws(Failure) -> String {
            do {
                var specs: [DeviceSpec] = []
                for text in devices {
                    let spec = try DeviceSpec(text) { kinds?[$0] ?? .hostdev }
                    if let kinds, kinds[spec.address] == nil {
                        throw Failure(Refusal.function(spec.address, .unknown))
                    }
                    specs.append(spec)
                }
                return try Domain(parsing: xml).adding(specs).text
            } catch let error as MalformedValue {
                throw Failure(
                    .usage, "malformed", subject: error.text, error.description,
                    fix: "buslane domain inject --help shows the form of a device")
            } catch let error as DomainXMLError {
                throw Failure(
                    .refused, "bad-domain-xml", subject: "standard input", error.description, fix: error.remedy)
            } catch let error as Failure {
                throw error
            } catch {
                throw Failure(.refused, "bad-domain-xml", subject: "standard input", "\(error)")
            }
        }

        /// How libvirt takes each function: a VF of a network card as an interface.
        private func kindsOfFunctions() async throws -> [PCIAddress: DeviceSpec.Kind] {
            let inventory = try await connection.client.get(Route.inventory, as: Inventory.self)
            return Dictionary(
                uniqueKeysWithValues: inventory.functions.map { function in
                    let isEthernetVF =
                        function.virtualFunction != nil
                        && function.class.flatMap { UInt32($0.id, radix: 16) }.map(Identity.isEthernet(classCode:))
                            == true
                    return (function.address, isEthernetVF ? .interface : .hostdev)
                })
        }
    }
}
