// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// A libvirt domain's XML: what Buslane reads in it, and the edits it makes.
///
/// A value: an edit returns another domain, parsed from the new text, and the domain itself where nothing changes. An
/// edit replaces the bytes of the elements it is about and no others.
public struct Domain: Sendable {
    public let name: String
    /// In lower case with hyphens; nil in an XML that was never defined and has none.
    public let uuid: String?
    /// The devices that Buslane added, in the document's order.
    public let injected: [InjectedDevice]
    /// All other devices with functions of the host, in the document's order; last those of QEMU's own options.
    public let foreign: [ForeignDevice]
    /// Every function that the domain takes from the host: hostdevs, interfaces, NVMe disks, QEMU's own options.
    /// Sorted, each once.
    public let hostdevAddresses: [PCIAddress]

    let document: XMLDocument
    let passthroughs: [Passthrough]
    private let requestRead: Result<DomainRequest?, DomainXMLError>
    private let assignmentRead: Result<DomainAssignment?, DomainXMLError>

    /// In bytes: libvirt names files after a domain, and the kernel has no longer names (NAME_MAX).
    private static let longestName = 255

    /// - Parameter xml: what `virsh dumpxml` prints, or a person wrote.
    /// - Throws: ``DomainXMLError``.
    public init(parsing xml: String) throws(DomainXMLError) {
        try self.init(bytes: Array(xml.utf8))
    }

    init(bytes: [UInt8]) throws(DomainXMLError) {
        let document = try XMLDocument(parsing: bytes)
        let root = document.root
        guard root.namespace == nil, root.name == "domain" else {
            throw .notADomain(root: root.namespace.map { "\(root.name) xmlns='\($0)'" } ?? root.name)
        }
        guard let name = root.first("name")?.text, !name.isEmpty else {
            throw .missing("<name>", in: "<domain>", line: root.line)
        }
        guard name.utf8.count <= Self.longestName else {
            throw .invalid(
                subject: "<name>", value: String(name.prefix(40)) + "…", line: root.first("name")?.line ?? root.line,
                expected: "at most \(Self.longestName) bytes")
        }
        self.name = name
        uuid = try root.first("uuid").map { element throws(DomainXMLError) in try Self.canonicalUUID(element) }
        let devices = root.all("devices").flatMap(\.children)
        var passthroughs: [Passthrough] = []
        for device in devices { passthroughs += try Passthrough.all(in: device) }
        let onCommandLine = CommandLineDevices(of: root).devices
        hostdevAddresses = Set((passthroughs.map(\.address) + onCommandLine.map(\.address))).sorted()
        // Only a domain with devices of Buslane's needs them.
        lazy var shared = GuestAddress.shared(
            among: devices.filter { $0.namespace == nil }.compactMap(GuestAddress.init(of:)))
        injected = passthroughs.compactMap { device in
            guard let name = device.injectedName, let kind = device.kind else { return nil }
            return InjectedDevice(
                name: name, address: device.address, kind: kind, mac: device.mac, vlan: device.vlan,
                failover: device.failover,
                sharesSlot: GuestAddress(of: device.element).map { shared.contains($0.first) } ?? false)
        }
        foreign =
            passthroughs.filter { $0.injectedName == nil }
            .map { ForeignDevice(address: $0.address, label: $0.label) } + onCommandLine
        requestRead = Result { () throws(DomainXMLError) in try DomainRequest(in: root) }
        assignmentRead = Result { () throws(DomainXMLError) in try DomainAssignment(in: root) }
        self.passthroughs = passthroughs
        self.document = document
    }

    /// libvirt takes hyphens anywhere, and white space around.
    private static func canonicalUUID(_ element: XMLElement) throws(DomainXMLError) -> String {
        let digits = element.text.lowercased().filter { $0 != "-" && !$0.isWhitespace }
        guard digits.utf8.count == 32, digits.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else {
            throw .invalid(
                subject: "<uuid>", value: element.text, line: element.line, expected: "32 hexadecimal digits")
        }
        var rest = Substring(digits)
        return [8, 4, 4, 4, 12].map { count in
            defer { rest = rest.dropFirst(count) }
            return String(rest.prefix(count))
        }.joined(separator: "-")
    }

    /// The document's text, as it is written to libvirt or to a file.
    public var text: String { String(decoding: document.bytes, as: UTF8.self) }

    /// What the domain asks Buslane for in its metadata; nil when it asks for nothing.
    ///
    /// - Throws: ``DomainXMLError`` that names the element and attribute. Not thrown at parsing, so that devices can be
    ///   taken out of a domain whose request is wrong.
    public var request: DomainRequest? {
        get throws(DomainXMLError) { try requestRead.get() }
    }

    /// Buslane's record in the metadata; nil when there is none.
    ///
    /// - Throws: ``DomainXMLError`` for a record that another program has changed.
    public var assignment: DomainAssignment? {
        get throws(DomainXMLError) { try assignmentRead.get() }
    }

    func passthrough(named name: String) -> Passthrough? { passthroughs.first { $0.injectedName == name } }

    /// The domain after edits of its document.
    func applying(_ edits: [Edit]) throws(DomainXMLError) -> Domain {
        edits.isEmpty ? self : try Domain(bytes: document.applying(edits))
    }
}

extension Domain: Equatable {
    /// Whether the documents are the same, byte for byte.
    public static func == (one: Domain, other: Domain) -> Bool { one.document.bytes == other.document.bytes }
}
