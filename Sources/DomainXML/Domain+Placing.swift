// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// What an edit writes into a domain's XML about the place of its vCPUs and memory, where the XML says nothing yet.
public struct PlacementAdditions: Hashable, Sendable {
    public struct VCPUPin: Hashable, Sendable {
        public let vcpu: Int
        /// CPUs of the host.
        public let cpus: NumberSet

        public init(vcpu: Int, cpus: NumberSet) {
            self.vcpu = vcpu
            self.cpus = cpus
        }
    }

    public struct CellMemory: Hashable, Sendable {
        public let cell: Int
        /// The host's.
        public let node: Int

        public init(cell: Int, node: Int) {
            self.cell = cell
            self.node = node
        }
    }

    public var vcpuPins: [VCPUPin] = []
    /// CPUs of the host; nil adds nothing.
    public var emulatorPin: NumberSet?
    /// Host nodes that all of the domain's memory is bound to; nil adds nothing.
    public var memory: NumberSet?
    public var cellMemory: [CellMemory] = []
    /// The mode of all of it: `strict`, or `restrictive`, which libvirt wants of each `<memnode>` if `<memory>` has it.
    /// Source: virDomainNumatuneNodeParseXML, numa_conf.c.
    public var memoryMode = "strict"
    /// The guest's nodes that get an expander bus, unless they have one; only on a machine with PCI Express.
    public var expanderCells: [Int] = []

    public init() {}
}

extension Domain {
    /// The domain with these additions; they come last in `<cputune>`, `<numatune>` and `<devices>`.
    ///
    /// An expander bus gets the alias `ua-lane-node-CELL`. Devices that are ``DeviceSpec/alignedTo`` the host node of
    /// its cell are added behind it by ``adding(_:)``: so the guest sees which node each is on.
    ///
    /// - Throws: ``DomainXMLError``, by no document that could be parsed.
    public func placing(_ additions: PlacementAdditions) throws(DomainXMLError) -> Domain {
        var insertions = [
            Insertion(into: "cputune", additions.pinMarkup), Insertion(into: "numatune", additions.memoryMarkup),
        ]
        var buses = GuestBuses(document.root)
        if buses.kind == .express {
            insertions.append(Insertion(into: "devices", buses.addExpanders(for: additions.expanderCells)))
        }
        var result = document
        for insertion in insertions where !insertion.markup.isEmpty {
            result = try XMLDocument(parsing: result.inserting(insertion))
        }
        return result.bytes == document.bytes ? self : try Domain(bytes: result.bytes)
    }
}

extension PlacementAdditions {
    fileprivate var pinMarkup: [Markup] {
        let pins = vcpuPins.map {
            Markup(name: "vcpupin", attributes: [("vcpu", "\($0.vcpu)"), ("cpuset", "\($0.cpus)")])
        }
        return pins + (emulatorPin.map { [Markup(name: "emulatorpin", attributes: [("cpuset", "\($0)")])] } ?? [])
    }

    fileprivate var memoryMarkup: [Markup] {
        let whole = memory.map {
            [Markup(name: "memory", attributes: [("mode", memoryMode), ("nodeset", "\($0)")])]
        }
        return (whole ?? [])
            + cellMemory.map {
                Markup(
                    name: "memnode",
                    attributes: [("cellid", "\($0.cell)"), ("mode", memoryMode), ("nodeset", "\($0.node)")])
            }
    }
}
