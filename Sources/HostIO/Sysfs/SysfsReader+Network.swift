// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension SysfsReader {
    /// Adds facts about the network that the kernel has outside sysfs.
    func addNetwork(to functions: inout [Function]) {
        addAddresses(to: &functions)
        addESwitchModes(to: &functions)
    }

    /// Asks devlink for the mode of every PF's switch. A PF without its network driver has none.
    private func addESwitchModes(to functions: inout [Function]) {
        let cards = functions.indices.filter { functions[$0].sriov != nil && functions[$0].isNetwork }
        guard !cards.isEmpty, let devlink = DevlinkSocket() else { return }
        for position in cards {
            guard functions[position].driver != nil, !functions[position].isOnVFIO,
                var sriov = functions[position].sriov
            else { continue }
            sriov.eswitchMode = devlink.eswitchMode(device: functions[position].address.description)
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
}
