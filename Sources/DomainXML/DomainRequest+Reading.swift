// SPDX-License-Identifier: GPL-3.0-or-later
import HostModel

extension DomainRequest {
    static let attributes = ["numa", "spread", "align", "binding"]

    /// - Returns: nil when the metadata has no request.
    /// - Throws: ``DomainXMLError``, also for unknown names: a misspelt `vlan` must not mean "no VLAN".
    init?(in root: XMLElement) throws(DomainXMLError) {
        if let stray = root.children.first(where: { $0.namespace == Self.namespace }) {
            throw .misplaced("<\(stray.name)>", in: "<domain>", line: stray.line)
        }
        let metadata = root.all("metadata").flatMap(\.children)
        if let broken = metadata.first(where: Self.isMeantAsRequest) {
            throw .namespace("<\(broken.name)>", given: broken.namespace, line: broken.line)
        }
        let requests = metadata.filter { $0.namespace == Self.namespace }
        guard let request = requests.first else { return nil }
        guard request.name == "request" else {
            throw .unknown("element <\(request.name)>", in: "<metadata>", line: request.line, nearest: "<request>")
        }
        // libvirt keeps one element of a namespace and silently drops the rest.
        if requests.count > 1 { throw .duplicate("<request>", line: requests[1].line) }
        try self.init(request)
    }

    private init(_ request: XMLElement) throws(DomainXMLError) {
        try request.refuseAttributes(besides: Self.attributes)
        if request.children.count > DeviceName.most {
            throw .tooManyDevices(request.children.count, limit: DeviceName.most, line: request.line)
        }
        var devices: [Device] = []
        for element in request.children {
            guard element.namespace == Self.namespace, element.name == "device" else {
                throw .unknown("element <\(element.name)>", in: "<request>", line: element.line, nearest: "<device>")
            }
            let device = try Device(element)
            if devices.contains(where: { $0.name == device.name }) {
                throw .duplicate("device name '\(device.name)' in <request>", line: element.line)
            }
            if let mac = device.settings.mac, devices.contains(where: { $0.settings.mac == mac }) {
                throw .duplicate("MAC address \(mac) in <request>", line: element.line)
            }
            devices.append(device)
        }
        self.init(
            numa: try request.value("numa") { text throws(MalformedValue) in try NUMAPolicy(text) },
            spread: try request.word("spread"), align: try request.word("align") ?? .none,
            binding: try request.word("binding") ?? .defined, devices: devices)
    }

    /// Whether an element is meant to be a request but has another namespace: a misspelt one, one of an unknown version,
    /// or none. libvirt silently drops an element without a namespace.
    private static func isMeantAsRequest(_ element: XMLElement) -> Bool {
        guard let given = element.namespace else {
            return element.name == "request" && element.children.contains { $0.name == "device" && $0["pool"] != nil }
        }
        guard given != namespace, given != DomainAssignment.namespace else { return false }
        return given.lowercased().contains("buslane")
            || element.name == "request" && given.nearest(among: [namespace]) != nil
    }
}

extension DomainRequest.Device {
    static let attributes = [
        "name", "pool", "numa", "failover", "mac", "vlan", "qos", "vlanProtocol", "trust", "spoofCheck", "linkState",
        "minTxRate", "maxTxRate",
    ]

    fileprivate init(_ element: XMLElement) throws(DomainXMLError) {
        try element.refuseAttributes(besides: Self.attributes)
        if let child = element.children.first {
            throw .unknown("element <\(child.name)>", in: "<device>", line: child.line, nearest: nil)
        }
        let name = try element.value("name") { text throws(MalformedValue) in try DeviceName(text).description }
        guard let name else { throw .missing("attribute 'name'", in: "<device>", line: element.line) }
        let pool = try element.value("pool") { text throws(MalformedValue) in
            if text.isEmpty { throw MalformedValue(kind: "pool", text: text, expected: "a pool's name") }
            return text
        }
        guard let pool else { throw .missing("attribute 'pool'", in: "<device name='\(name)'>", line: element.line) }
        self.init(
            name: name, pool: pool, settings: try Self.settings(of: element, named: name),
            numa: try element.value("numa") { text throws(MalformedValue) in try NUMAPolicy(text) },
            failover: try element.value("failover") { text throws(MalformedValue) in
                try DeviceSpec.checkedAlias(text)
            })
    }

    private static func settings(of element: XMLElement, named name: String) throws(DomainXMLError) -> VFSettings {
        let mac = try element.value("mac") { text throws(MalformedValue) in
            try MACAddress(text).checkedForStation()
        }
        let vlan = try element.value("vlan") { text throws(MalformedValue) in try VLANID(text) }
        let qos = try element.number("qos")
        let tagProtocol: VLANProtocol? = try element.word("vlanProtocol")
        let trust = try element.switch("trust")
        let spoofCheck = try element.switch("spoofCheck")
        let linkState: VFSettings.LinkState? = try element.word("linkState")
        let minimum = try element.number("minTxRate")
        let maximum = try element.number("maxTxRate")
        do {
            return try VFSettings(
                mac: mac, vlan: vlan, qos: qos, vlanProtocol: tagProtocol, trust: trust, spoofCheck: spoofCheck,
                linkState: linkState, minTxRate: minimum, maxTxRate: maximum)
        } catch {
            throw .invalid(
                subject: "the \(error.kind) of <device name='\(name)'>", value: error.text, line: element.line,
                expected: error.expected)
        }
    }
}

extension XMLElement {
    /// The attribute's value; nil without the attribute.
    func value<Value>(
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

    fileprivate func number(_ attribute: String) throws(DomainXMLError) -> Int? {
        try value(attribute) { text throws(MalformedValue) in
            guard let number = Int(text), number >= 0 else {
                throw MalformedValue(kind: "number", text: text, expected: "a number")
            }
            return number
        }
    }

    fileprivate func `switch`(_ attribute: String) throws(DomainXMLError) -> Bool? {
        try value(attribute) { text throws(MalformedValue) in
            switch text {
            case "on": true
            case "off": false
            default: throw MalformedValue(kind: attribute, text: text, expected: "on or off")
            }
        }
    }

    /// One of an enum's words.
    fileprivate func word<Word: RawRepresentable<String> & CaseIterable>(
        _ attribute: String
    ) throws(DomainXMLError) -> Word? {
        try value(attribute) { text throws(MalformedValue) in
            guard let word = Word(rawValue: text) else {
                throw MalformedValue(
                    kind: attribute, text: text,
                    expected: "one of " + Word.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return word
        }
    }

    /// Attributes of other namespaces are ignored.
    func refuseAttributes(besides known: [String]) throws(DomainXMLError) {
        if let other = attributes.first(where: { $0.namespace == nil && !known.contains($0.name) }) {
            throw .unknown(
                "attribute '\(other.name)'", in: "<\(name)>", line: line,
                nearest: other.name.nearest(among: known).map { "'\($0)'" } ?? known.joined(separator: ", "))
        }
    }
}
