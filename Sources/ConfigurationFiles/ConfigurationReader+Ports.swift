// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension ConfigurationReader {
    /// As they are written in a file.
    static let portKeys = ["port", "mtu", "linkUp"]

    /// What single ports of a PF differ in.
    static func portDeclarations(_ list: YAMLCursor) throws(ConfigurationError) -> [PortDeclaration] {
        var places: [PortID: Place] = [:]
        return try list.each { (cursor) throws(ConfigurationError) in
            let keys = try cursor.mapping(of: Self.portKeys, requiring: ["port"])
            let port = keys["port"]?.attempt { (port) throws(ConfigurationError) in
                let id = try port.port()
                if let earlier = places[id] { throw port.fail("port \(id) is declared already, at \(earlier)") }
                places[id] = port.place
                return id
            }
            return PortDeclaration(
                port: port ?? .number(0),
                mtu: keys["mtu"]?.attempt { (mtu) throws(ConfigurationError) in try mtu.mtu() },
                linkUp: keys["linkUp"]?.attempt { (up) throws(ConfigurationError) in try up.bool() })
        }
    }
}

extension YAMLCursor {
    /// In octets. IPv4 requires 68 of every link (RFC 791); no card allows more than 16 bits.
    func mtu() throws(ConfigurationError) -> Int { try integer(in: 68...65535) }

    /// A port's name, as `p0` or `p0s1`, or its number.
    fileprivate func port() throws(ConfigurationError) -> PortID {
        if node.int != nil { return .number(try integer(in: 0...255)) }
        let name = try string()
        guard let id = PortID(name: name) else {
            throw fail(
                "'\(name)' is not a port",
                remedy: "write its number or its name, as buslane inventory --json has them: portNumber, portName")
        }
        return id
    }
}
