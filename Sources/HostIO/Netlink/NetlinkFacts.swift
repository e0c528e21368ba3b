// SPDX-License-Identifier: GPL-3.0-or-later
import BlockingCalls
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
        guard !withInterfaces.isEmpty,
            let addresses = Self.calls.result(
                about: Self.rtnetlink, within: Self.patience, of: { InterfaceAddresses.all() }
            ).flatMap(\.self)
        else { return }
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
        let cards = members.keys.sorted()
        let ports = cards.map { known[$0] ?? interfaces.vfPorts(of: $0) }
        let answers = Self.calls.result(about: Self.rtnetlink, within: Self.patience) {
            Self.carriers(of: Array(zip(cards, ports)))
        }
        guard let answers else {
            pass.warn("VF settings unknown: the kernel does not answer over rtnetlink (check dmesg)")
            return
        }
        for ((physical, ports), answer) in zip(zip(cards, ports), answers) {
            do {
                let carriers = try answer.get()
                for member in members[physical] ?? [] {
                    functions[member.position].vfSettings = ports.settings(ofVF: member.index, among: carriers)
                }
            } catch {
                pass.warn("\(physical): VF settings unknown: \(error)")
            }
        }
    }

    /// The answer about each of the PFs.
    private static func carriers(
        of cards: [(PCIAddress, VFPorts)]
    ) -> [Result<[VFCarrier], HostIOError>] {
        do {
            let link = try VFSettingsReader()
            return cards.map { _, ports in Result { () throws(HostIOError) in try link.carriers(of: ports) } }
        } catch {
            return cards.map { _ in .failure(error) }
        }
    }

    /// The kernel answers while it holds its global network lock. A driver that hangs with that lock stops all answers.
    ///
    /// Source: `rtnetlink_rcv_msg`, net/core/rtnetlink.c.
    private static let calls = HangingCalls()
    private static let rtnetlink = "rtnetlink"
    private static let patience = Duration.seconds(5)
}
