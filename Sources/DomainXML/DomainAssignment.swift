// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// What Buslane gave a domain, kept in its metadata beside the request: `<assignment xmlns="urn:buslane:assignment:1">`.
///
/// A record for people and tools that read the XML. Only Buslane writes it, in the same definition as the devices, so that
/// it shows which devices the domain's owner took out or moved since. It is no proof of ownership: that is the ledger.
public struct DomainAssignment: Hashable, Sendable {
    public static let namespace = "urn:buslane:assignment:1"
    /// The prefix under which libvirt is to keep the element.
    public static let prefix = "buslane-assignment"

    public struct Device: Hashable, Sendable {
        /// As in the request.
        public let name: String
        public let address: PCIAddress
        /// The claim's id.
        public let claim: String
        public let generation: Int
        /// The host's node of the function; nil when it is unknown.
        public let numaNode: Int?
        /// What the request asked for then, as ``DomainRequest/asked(of:)`` writes it; empty in a record without it.
        public let asked: String

        public init(
            name: String, address: PCIAddress, claim: String, generation: Int, numaNode: Int? = nil, asked: String = ""
        ) {
            self.name = name
            self.address = address
            self.claim = claim
            self.generation = generation
            self.numaNode = numaNode
            self.asked = asked
        }
    }

    /// In the order in which they were written.
    public let devices: [Device]

    public init(devices: [Device]) { self.devices = devices }

    /// The element without prefix and namespace, as `virDomainSetMetadata` takes it: libvirt adds both.
    public var metadata: String {
        Markup(name: "assignment", children: devices.map { $0.markup() }).inline
    }

    /// The element as it stands in a domain.
    var markup: Markup {
        let prefix = Self.prefix + ":"
        return Markup(
            name: prefix + "assignment", attributes: [("xmlns:\(Self.prefix)", Self.namespace)],
            children: devices.map { $0.markup(prefix) })
    }

    /// Reads ``metadata``, or the element as libvirt returns it, with its namespace.
    ///
    /// - Returns: nil for another element.
    /// - Throws: ``DomainXMLError``.
    public init?(metadata: String) throws(DomainXMLError) {
        let element = try XMLDocument(parsing: Array(metadata.utf8)).root
        guard element.name == "assignment", element.namespace == nil || element.namespace == Self.namespace else {
            return nil
        }
        try self.init(element)
    }

    /// - Returns: nil when the metadata has no assignment.
    init?(in root: XMLElement) throws(DomainXMLError) {
        let found = root.all("metadata").flatMap(\.children).first {
            $0.namespace == Self.namespace && $0.name == "assignment"
        }
        guard let found else { return nil }
        try self.init(found)
    }

    /// Ignores unknown elements: a later version may have written them.
    private init(_ element: XMLElement) throws(DomainXMLError) {
        var devices: [Device] = []
        for child in element.children where child.name == "device" { devices.append(try Device(child)) }
        self.devices = devices
    }
}

extension DomainAssignment.Device {
    /// A claim's id is letters and digits. It is escaped, because in a record that another program has changed it can be
    /// any text.
    fileprivate func markup(_ prefix: String = "") -> Markup {
        var attributes = [
            ("name", name), ("address", address.description), ("claim", claim.escapedForXML),
            ("generation", String(generation)),
        ]
        if let numaNode { attributes.append(("node", String(numaNode))) }
        if !asked.isEmpty { attributes.append(("asked", asked.escapedForXML)) }
        return Markup(name: prefix + "device", attributes: attributes)
    }

    fileprivate init(_ element: XMLElement) throws(DomainXMLError) {
        func required<Value>(
            _ attribute: String, as read: (String) throws(MalformedValue) -> Value
        ) throws(DomainXMLError) -> Value {
            guard let value = try element.value(attribute, as: read) else {
                throw .missing("attribute '\(attribute)'", in: "<device> of <assignment>", line: element.line)
            }
            return value
        }
        func number(_ text: String) throws(MalformedValue) -> Int {
            guard let number = Int(text), number >= 0 else {
                throw MalformedValue(kind: "number", text: text, expected: "a number")
            }
            return number
        }
        self.init(
            name: try required("name") { text throws(MalformedValue) in try DeviceName(text).description },
            address: try required("address") { text throws(MalformedValue) in try PCIAddress(text) },
            claim: try required("claim") { $0 }, generation: try required("generation", as: number),
            numaNode: try element.value("node", as: number), asked: element["asked"] ?? "")
    }
}

extension String {
    fileprivate var escapedForXML: String {
        reduce(into: "") { text, character in
            switch character {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case "'": text += "&apos;"
            default: text.append(character)
            }
        }
    }
}
