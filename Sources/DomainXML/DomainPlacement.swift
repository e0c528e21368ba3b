// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// Where on the host a domain's vCPUs and memory are, and the nodes that its guest sees, as far as its XML says.
public struct DomainPlacement: Hashable, Sendable {
    public struct Memory: Hashable, Sendable {
        /// Host nodes.
        public let nodes: NumberSet
        /// `strict`, `preferred`, `interleave` or `restrictive`.
        public let mode: String
    }

    /// One NUMA node of the guest.
    public struct Cell: Hashable, Sendable {
        public let id: Int
        public let vcpus: NumberSet
        /// nil: as the domain's memory.
        public let memory: Memory?
        let bytes: Int
    }

    /// The maximum number of vCPUs.
    public let vcpuCount: Int
    /// Host CPUs for each vCPU without a pin of its own.
    public let cpuset: NumberSet?
    /// Host CPUs by vCPU.
    public let vcpuPins: [Int: NumberSet]
    public let emulatorPin: NumberSet?
    public let memory: Memory?
    /// In the order of their ids; empty for a guest that sees no nodes.
    public let cells: [Cell]
    /// Whether numad places vCPUs or memory at each start (`placement='auto'`).
    public let isAutomatic: Bool
    /// The memory that has to be free before the domain starts; of a guest with nodes, one for each.
    public let memoryNeeds: [MemoryNeed]

    /// The CPUs that a vCPU is pinned to; nil when it may run anywhere.
    public func cpus(ofVCPU id: Int) -> NumberSet? { vcpuPins[id] ?? cpuset }

    /// The host nodes of a cell's memory; nil when the XML does not say.
    public func nodes(of cell: Cell) -> NumberSet? { (cell.memory ?? memory)?.nodes }
}

extension Domain {
    /// - Throws: ``DomainXMLError`` that names the element.
    public var placement: DomainPlacement {
        get throws(DomainXMLError) { try DomainPlacement(of: document.root) }
    }
}

extension DomainPlacement {
    init(of root: XMLElement) throws(DomainXMLError) {
        let vcpu = root.first("vcpu")
        let count = vcpu.map { $0.text.filter { !$0.isWhitespace } } ?? "1"
        guard let vcpuCount = Int(count), (1...NumberSet.limit).contains(vcpuCount) else {
            throw .invalid(
                subject: "<vcpu>", value: count.shortened, line: vcpu?.line ?? root.line,
                expected: "a number from 1 to \(NumberSet.limit)")
        }
        self.vcpuCount = vcpuCount
        cpuset = try vcpu?.set("cpuset")
        let tuning = root.first("cputune")
        var pins: [Int: NumberSet] = [:]
        for pin in tuning?.all("vcpupin") ?? [] {
            guard let id = pin["vcpu"].flatMap({ Int($0) }), let cpus = try pin.set("cpuset") else {
                throw .missing("attributes 'vcpu' and 'cpuset'", in: "<vcpupin>", line: pin.line)
            }
            guard (0..<NumberSet.limit).contains(id) else {
                throw .invalid(
                    subject: "attribute 'vcpu' of <vcpupin>", value: String(id), line: pin.line,
                    expected: "a number below \(NumberSet.limit)")
            }
            pins[id] = cpus
        }
        vcpuPins = pins
        emulatorPin = try tuning?.first("emulatorpin")?.set("cpuset")
        let numatune = root.first("numatune")
        let bound = numatune?.first("memory")
        isAutomatic = vcpu?["placement"] == "auto" || bound?["placement"] == "auto"
        memory = try bound.flatMap(Memory.init)
        var cellMemory: [Int: Memory] = [:]
        for node in numatune?.all("memnode") ?? [] {
            guard let id = node["cellid"].flatMap({ Int($0) }) else {
                throw .missing("attribute 'cellid'", in: "<memnode>", line: node.line)
            }
            cellMemory[id] = try Memory(node)
        }
        var cells: [Cell] = []
        var placed = NumberSet()
        for (position, cell) in (root.first("cpu")?.first("numa")?.all("cell") ?? []).enumerated() {
            let (id, vcpus) = (cell["id"].flatMap { Int($0) } ?? position, try cell.set("cpus") ?? NumberSet())
            guard vcpus.isDisjoint(with: placed), cells.count < Self.mostCells else {
                throw .invalid(
                    subject: "<cell>", value: String(id), line: cell.line,
                    expected: "at most \(Self.mostCells) cells, and each vCPU in one of them")
            }
            placed = placed.union(vcpus)
            cells.append(
                Cell(
                    id: id, vcpus: vcpus, memory: cellMemory[id], bytes: try cell.bytes(of: cell["memory"] ?? "0")))
        }
        self.cells = cells.sorted { $0.id < $1.id }
        memoryNeeds = try Self.memoryNeeds(of: root, cells: self.cells, memory: memory)
    }

    /// Source: MAX_NODES, include/system/numa.h of QEMU.
    private static let mostCells = 128

    private static func memoryNeeds(
        of root: XMLElement, cells: [Cell], memory: Memory?
    ) throws(DomainXMLError) -> [MemoryNeed] {
        let pages = try HugepageSizes(of: root)
        guard !cells.isEmpty else {
            guard let element = root.first("memory") else { return [] }
            let bytes = try element.bytes(of: element.text)
            return [MemoryNeed(pages: pages.ofCell(0), bytes: bytes, cell: nil, boundTo: memory)]
        }
        return cells.map { cell in
            MemoryNeed(
                pages: pages.ofCell(cell.id), bytes: cell.bytes, cell: cell.id, boundTo: cell.memory ?? memory)
        }
    }
}

/// `<hugepages>` of a domain.
///
/// Source: virDomainDefParseMemory, domain_conf.c; qemuBuildMemoryBackendProps, qemu_command.c.
private struct HugepageSizes {
    /// For every cell that has no size of its own.
    private var general: MemoryNeed.Pages = .ordinary
    private var ofCells: [Int: MemoryNeed.Pages] = [:]

    init(of root: XMLElement) throws(DomainXMLError) {
        guard let backing = root.first("memoryBacking")?.first("hugepages") else { return }
        let pages = backing.all("page")
        if pages.isEmpty { general = .huge(sizeBytes: nil) }
        for page in pages {
            let size = MemoryNeed.Pages.huge(sizeBytes: try page.bytes(of: page["size"] ?? ""))
            if let cells = try page.set("nodeset") {
                for cell in cells.numbers { ofCells[cell] = size }
            } else {
                general = size
            }
        }
    }

    func ofCell(_ id: Int) -> MemoryNeed.Pages { ofCells[id] ?? general }
}

extension DomainPlacement.Memory {
    /// - Returns: nil for memory that numad places.
    fileprivate init?(_ element: XMLElement) throws(DomainXMLError) {
        guard let nodes = try element.set("nodeset") else { return nil }
        self.init(nodes: nodes, mode: element["mode"] ?? "strict")
    }
}

extension XMLElement {
    fileprivate func set(_ attribute: String) throws(DomainXMLError) -> NumberSet? {
        try value(attribute) { text throws(MalformedValue) in
            guard let set = NumberSet(list: text), !set.isEmpty else {
                throw MalformedValue(kind: "list", text: text, expected: "numbers and ranges, like 0-3,8")
            }
            return set
        }
    }

    /// More than any host can have, and so little that a thousand of them can be added up.
    private static let mostMemory = 1 << 53

    /// An amount of memory with this element's `unit`. Source: virScaleInteger, virutil.c.
    fileprivate func bytes(of text: String) throws(DomainXMLError) -> Int {
        let unit = self["unit"] ?? "KiB"
        let powers = ["k": 1, "m": 2, "g": 3, "t": 4, "p": 5]
        let letter = unit.lowercased().prefix(1)
        var scale = 1
        if !["b", "bytes"].contains(unit.lowercased()) {
            guard let power = powers[String(letter)] else {
                throw .invalid(
                    subject: "attribute 'unit' of <\(name)>", value: unit, line: line, expected: "KiB, MiB, GiB")
            }
            let step = unit.count == 2 && unit.hasSuffix("B") ? 1000 : 1024
            for _ in 0..<power { scale *= step }
        }
        let digits = text.filter { !$0.isWhitespace }
        guard let number = Int(digits), number >= 0,
            case let (bytes, overflow) = number.multipliedReportingOverflow(by: scale),
            !overflow, bytes <= Self.mostMemory
        else { throw .invalid(subject: "<\(name)>", value: text, line: line, expected: "an amount of memory") }
        return bytes
    }
}
