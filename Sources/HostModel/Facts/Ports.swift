// SPDX-License-Identifier: GPL-3.0-or-later

/// What the kernel says about the place of a network interface on its card. nil is unknown.
public struct PortFacts: Hashable, Sendable {
    /// `p0` for a physical port, `pf0vf3` for the representor of a VF. nil if the driver gives no name; not read for the
    /// only interface of a function. Source: `phys_port_name`, `devlink_port_phys_port_name_get`, net/devlink/port.c.
    public var name: String?
    /// The number among the ports of one function, from 0. Source: `dev_port`.
    public var number: Int?
    /// The switch that the interface is a port of. Not read for the only interface. Source: `phys_switch_id`.
    public var switchID: String?
    /// 1 for Ethernet, 32 for InfiniBand. Source: `type`, `ARPHRD_*` in include/uapi/linux/if_arp.h.
    public var linkType: Int?
    /// It stands on another interface: a VLAN, or the child of an IPoIB interface. Source: `iflink`, the `lower_NAME` links.
    public var isUpper: Bool

    public init(
        name: String? = nil, number: Int? = nil, switchID: String? = nil, linkType: Int? = nil, isUpper: Bool = false
    ) {
        self.name = name
        self.number = number
        self.switchID = switchID
        self.linkType = linkType
        self.isUpper = isUpper
    }
}

/// Identifies one of several ports of a function, in every boot. Written as a name or as a number.
public enum PortID: Hashable, Sendable {
    /// `phys_port_name`.
    case name(String)
    /// `dev_port`, if the driver gives no names.
    case number(Int)
}

extension PortID {
    /// - Returns: nil for a text that is no name of a physical port.
    public init?(name: String) {
        guard PortFacts(name: name).isNamedPort else { return nil }
        self = .name(name)
    }
}

extension PortID: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int.self) {
            self = .number(number)
        } else {
            self = .name(try container.decode(String.self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .name(let name): try container.encode(name)
        case .number(let number): try container.encode(number)
        }
    }
}

extension PortID: CustomStringConvertible {
    public var description: String {
        switch self {
        case .name(let name): name
        case .number(let number): "\(number)"
        }
    }
}

extension [NetworkInterface] {
    /// The card's own ports among the interfaces of one function. All others hang on the same card, but are the ends of
    /// something else: representors of VFs and subfunctions, interfaces on top of a port, management interfaces.
    ///
    /// Where the driver names the physical ports, those are the ports. Without names, each `dev_port` is one port: of
    /// several interfaces with the same number, the first that was created. Link, MTU, name and MAC address are facts of a port.
    ///
    /// Source: Documentation/networking/devlink/devlink-port.rst; Documentation/ABI/testing/sysfs-class-net, `dev_port`.
    public var ports: [NetworkInterface] {
        let own = filter(\.port.canBePort)
        let named = own.filter(\.port.isNamedPort)
        if !named.isEmpty { return named }
        var numbers: Set<Int> = []
        return own.filter { interface in interface.port.number.map { numbers.insert($0).inserted } ?? true }
    }

    /// The ids of the ports, in order; nil stands for a port that is the only one. If several ports cannot be told apart,
    /// one nil stands for all of them.
    public var portIDs: [PortID?] {
        let ports = ports
        let ids = ports.map(\.port.id)
        if ports.isEmpty { return [] }
        guard ports.count > 1, !ids.contains(nil), Set(ids).count == ids.count else { return [nil] }
        return ids
    }

    /// The port with the id; all ports for nil.
    public func ports(_ id: PortID?) -> [NetworkInterface] {
        id.map { id in ports.filter { $0.port.matches(id) } } ?? ports
    }
}

extension PortFacts {
    /// The port's id; nil if the kernel tells nothing that would identify it.
    var id: PortID? { isNamedPort ? name.map(PortID.name) : number.map(PortID.number) }

    func matches(_ id: PortID) -> Bool {
        switch id {
        case .name(let name): name == self.name
        case .number(let number): number == self.number
        }
    }

    /// Whether nothing speaks against a port. The management interface of Chelsio's VFs has no link layer; Wi-Fi's monitor
    /// interfaces have one of their own.
    fileprivate var canBePort: Bool {
        guard !isUpper, linkType.map({ $0 == Self.ethernet || $0 == Self.infiniBand }) ?? true else { return false }
        guard let name, !isNamedPort else { return true }
        // `pf0`, `pf0vf3`, `c1pf0sf88`, `pf0hpf`; `p0pf0vf3` of sfc; the bare number of a VF from mlx5 before Linux 5.0.
        let isNumber = name.utf8.allSatisfy { (0x30...0x39).contains($0) }
        return !["pf", "vf", "sf"].contains(where: name.contains) && !(isNumber && switchID != nil)
    }

    /// `p0`, `p0s1` for a part of a split port, `l1p0` on a line card.
    fileprivate var isNamedPort: Bool {
        guard let name else { return false }
        var rest = Substring(name)
        if rest.first == "l" { rest = rest.dropNumber(after: "l") ?? rest }
        guard let afterPort = rest.dropNumber(after: "p") else { return false }
        return afterPort.isEmpty || afterPort.dropNumber(after: "s")?.isEmpty == true
    }

    /// The link layer of InfiniBand, which enforces no MAC address and no VLAN for a VF.
    package var isInfiniBand: Bool { linkType == Self.infiniBand }

    fileprivate var isEthernet: Bool { linkType.map { $0 == Self.ethernet } ?? true }

    /// `ARPHRD_ETHER` and `ARPHRD_INFINIBAND`.
    private static let ethernet = 1
    private static let infiniBand = 32
}

extension Substring {
    /// What follows a letter and a number; nil if the text does not begin with both.
    fileprivate func dropNumber(after letter: Character) -> Substring? {
        guard first == letter else { return nil }
        let rest = dropFirst()
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        return digits.isEmpty ? nil : rest[digits.endIndex...]
    }
}

/// The interfaces of a PF, and on which of its ports each of its VFs hangs.
public struct VFPorts: Hashable, Sendable {
    public let interfaces: [NetworkInterface]
    /// As ``SRIOV/vfsPerPort``.
    public let vfsPerPort: [Int]

    public init(interfaces: [NetworkInterface], vfsPerPort: [Int] = []) {
        self.interfaces = interfaces
        self.vfsPerPort = vfsPerPort
    }

    /// The ports through which the VF can reach the network.
    public func ports(ofVF index: Int) -> [NetworkInterface] {
        let ports = interfaces.ports
        var end = 0
        for (number, count) in vfsPerPort.enumerated() {
            end += count
            if index < end { return ports.filter { $0.port.number == number } }
        }
        return ports
    }

    /// A port that must be up before the VF can have a link; nil if one of its ports is up, or if its link depends on none.
    public func downPort(ofVF index: Int) -> NetworkInterface? {
        let ports = carryingPorts(ofVF: index)
        return ports.allSatisfy { !$0.isAdministrativelyUp } ? ports.first : nil
    }

    /// The ports that must be set up before each of the first `count` VFs can have a link.
    func portsToSetUp(forVFs count: Int) -> [NetworkInterface] {
        var needed: [NetworkInterface] = []
        for index in 0..<count where downPort(ofVF: index) != nil {
            for port in carryingPorts(ofVF: index) where !needed.contains(port) { needed.append(port) }
            // Of VFs that can use each port, one stands for all.
            if vfsPerPort.isEmpty { break }
        }
        return needed
    }

    /// The link of an InfiniBand VF does not depend on the host's IPoIB interface.
    private func carryingPorts(ofVF index: Int) -> [NetworkInterface] {
        ports(ofVF: index).filter(\.port.isEthernet)
    }
}

extension Function {
    /// The function's own network ports.
    public var ports: [NetworkInterface] { interfaces.ports }

    /// For a PF, the ports on which its VFs hang.
    public var vfPorts: VFPorts { VFPorts(interfaces: interfaces, vfsPerPort: sriov?.vfsPerPort ?? []) }
}
