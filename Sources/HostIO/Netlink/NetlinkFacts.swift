// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

/// Adds the facts about functions that the kernel has outside sysfs: VF settings, addresses and switch modes.
struct NetlinkFacts {
    let interfaces: InterfaceReader

    /// Adds the addresses of interfaces, and the modes of the PFs' switches.
    func addNetwork(to functions: inout [Function]) {
        addAddresses(to: &functions)
        addESwitchModes(to: &functions)
    }

    /// Asks devlink for the mode of every PF's switch. A PF without its network driver has none.
    private func addESwitchModes(to functions: inout [Function]) {
        let cards = functions.indices.filter {
            functions[$0].sriov != nil && functions[$0].isEthernet && functions[$0].isOnHostDriver
        }
        guard !cards.isEmpty else { return }
        let modes = DevlinkModes.shared.modes(of: cards.map { functions[$0].address.description })
        for position in cards {
            guard var sriov = functions[position].sriov else { continue }
            sriov.eswitchMode = modes[functions[position].address.description]
            functions[position].role = .physicalFunction(sriov)
        }
    }

    /// Adds the IP addresses of the functions' interfaces.
    private func addAddresses(to functions: inout [Function]) {
        let withInterfaces = functions.indices.filter { !functions[$0].interfaces.isEmpty }
        guard !withInterfaces.isEmpty, let addresses = InterfaceAddresses.all() else { return }
        for position in withInterfaces {
            for interface in functions[position].interfaces.indices {
                functions[position].interfaces[interface].addresses =
                    addresses[functions[position].interfaces[interface].name] ?? []
            }
        }
    }

    /// Queries each PF once for the settings of its VFs, and stores them in those VFs that are among `functions`.
    ///
    /// - Parameter cards: the PFs to query; nil for all.
    func addVFSettings(
        to functions: inout [Function], ofVFsOn cards: Set<PCIAddress>? = nil, _ pass: inout ReadPass
    ) {
        var members: [PCIAddress: [(position: Int, index: Int)]] = [:]
        for (position, function) in functions.enumerated() {
            if let virtual = function.virtualFunction, cards?.contains(virtual.physicalFunction) ?? true {
                members[virtual.physicalFunction, default: []].append((position, virtual.index))
            }
        }
        guard !members.isEmpty else { return }
        let known = Dictionary(
            functions.map { ($0.address, $0.vfPorts) }, uniquingKeysWith: { first, _ in first })
        do {
            let link = try VFSettingsReader()
            for physical in members.keys.sorted() {
                let ports = known[physical] ?? interfaces.vfPorts(of: physical)
                do {
                    let carriers = try link.carriers(of: ports)
                    for member in members[physical] ?? [] {
                        functions[member.position].vfSettings = ports.settings(
                            ofVF: member.index, among: carriers)
                    }
                } catch {
                    pass.warn("\(physical): VF settings unknown: \(error)")
                }
            }
        } catch {
            pass.warn("VF settings unknown: \(error)")
        }
    }
}
