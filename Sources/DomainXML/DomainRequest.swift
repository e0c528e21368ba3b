// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// What a domain asks Buslane for: `<request xmlns="urn:buslane:request:1">` in its metadata.
public struct DomainRequest: Hashable, Sendable {
    public static let namespace = "urn:buslane:request:1"

    /// When the functions are claimed.
    public enum Binding: String, Hashable, Sendable, Codable {
        /// While the domain is defined: the hostdevs are in its persistent XML. The default.
        case defined
        /// From each start to the stop that follows: the persistent XML stays clean.
        case running
    }

    public struct Device: Hashable, Sendable {
        /// Unique in the request.
        public let name: String
        public let pool: String
        public let mac: MACAddress?
        public let vlan: VLANID?
        public let trust: Bool?

        public init(name: String, pool: String, mac: MACAddress? = nil, vlan: VLANID? = nil, trust: Bool? = nil) {
            self.name = name
            self.pool = pool
            self.mac = mac
            self.vlan = vlan
            self.trust = trust
        }
    }

    /// nil leaves the choice to the pool.
    public let numa: NUMAPolicy?
    public let binding: Binding
    /// In the document's order; can be empty.
    public let devices: [Device]

    public init(numa: NUMAPolicy? = nil, binding: Binding = .defined, devices: [Device]) {
        self.numa = numa
        self.binding = binding
        self.devices = devices
    }

    /// - Returns: nil when the metadata has no request.
    /// - Throws: ``DomainXMLError``, for what is not understood too: a misspelt `vlan` must not mean "no VLAN".
    init?(in root: XMLElement) throws(DomainXMLError) {
        let requests = root.all("metadata").flatMap(\.children).filter { $0.namespace == Self.namespace }
        guard let request = requests.first else { return nil }
        guard request.name == "request" else {
            throw .unknown("element <\(request.name)>", in: "<metadata>", line: request.line)
        }
        // libvirt keeps one element of a namespace and drops the rest: better said than lost.
        if requests.count > 1 { throw .duplicate("<request>", line: requests[1].line) }
        try request.refuseAttributes(besides: ["numa", "binding"])
        numa = try request.value("numa") { text throws(MalformedValue) in try NUMAPolicy(text) }
        binding =
            try request.value("binding") { text throws(MalformedValue) in
                guard let binding = Binding(rawValue: text) else {
                    throw MalformedValue(kind: "binding", text: text, expected: "defined or running")
                }
                return binding
            } ?? .defined
        var devices: [Device] = []
        for element in request.children {
            guard element.namespace == Self.namespace, element.name == "device" else {
                throw .unknown("element <\(element.name)>", in: "<request>", line: element.line)
            }
            let device = try Device(element)
            if devices.contains(where: { $0.name == device.name }) {
                throw .duplicate("device name '\(device.name)' in <request>", line: element.line)
            }
            devices.append(device)
        }
        self.devices = devices
    }
}

extension DomainRequest.Device {
    fileprivate init(_ element: XMLElement) throws(DomainXMLError) {
        try element.refuseAttributes(besides: ["name", "pool", "mac", "vlan", "trust"])
        guard
            let name = try element.value(
                "name", as: { text throws(MalformedValue) in try DeviceSpec.checkedName(text) })
        else { throw .missing("attribute 'name'", in: "<device>", line: element.line) }
        let pool = try element.value("pool") { text throws(MalformedValue) in
            if text.isEmpty { throw MalformedValue(kind: "pool", text: text, expected: "a pool's name") }
            return text
        }
        guard let pool else { throw .missing("attribute 'pool'", in: "<device name='\(name)'>", line: element.line) }
        self.init(
            name: name, pool: pool,
            mac: try element.value("mac") { text throws(MalformedValue) in try MACAddress(text).checkedForStation() },
            vlan: try element.value("vlan") { text throws(MalformedValue) in try VLANID(text) },
            trust: try element.value("trust") { text throws(MalformedValue) in
                switch text {
                case "on": true
                case "off": false
                default: throw MalformedValue(kind: "trust", text: text, expected: "on or off")
                }
            })
    }
}

extension XMLElement {
    /// The attribute's value; nil without the attribute.
    fileprivate func value<Value>(
        _ attribute: String, as read: (String) throws(MalformedValue) -> Value
    ) throws(DomainXMLError) -> Value? {
        guard let text = self[attribute] else { return nil }
        do {
            return try read(text)
        } catch {
            throw .invalid(
                subject: "attribute '\(attribute)' of <\(name)>", value: text, line: line, expected: error.expected)
        }
    }

    /// Attributes of other namespaces are someone else's business.
    fileprivate func refuseAttributes(besides known: Set<String>) throws(DomainXMLError) {
        if let other = attributes.first(where: { $0.namespace == nil && !known.contains($0.name) }) {
            throw .unknown("attribute '\(other.name)'", in: "<\(name)>", line: line)
        }
    }
}
