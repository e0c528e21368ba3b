// SPDX-License-Identifier: GPL-3.0-or-later
import DomainSamples
import HostModel
import HostSimulator
import Testing

@testable import DomainXML

@Suite("Reading a domain")
struct ReadingTests {
    @Test("a dumped q35 guest")
    func q35() throws {
        let domain = try domain(Samples.q35)
        #expect(domain.name == "fw1")
        #expect(domain.uuid == "4dea22b3-1d52-d8f3-2516-782e98ab3fa0")
        #expect(domain.injected.isEmpty)
        // A USB hostdev has no function; an NVMe disk has one.
        #expect(domain.hostdevAddresses == [address("01:00.0"), address("af:00.0")])
    }

    @Test("numbers as libvirt reads them: decimal, octal, hexadecimal")
    func i440fx() throws {
        let domain = try domain(Samples.i440fx)
        #expect(domain.name == "br\u{f6}ker-1")
        #expect(domain.hostdevAddresses == [address("3b:02.7")])
    }

    @Test("a UUID without hyphens, and none at all")
    func uuids() throws {
        let xml = Samples.small("  <uuid> 4dea22b31d52d8f32516782e98ab3fa0\n</uuid>\n")
        #expect(try domain(xml).uuid == "4dea22b3-1d52-d8f3-2516-782e98ab3fa0")
        #expect(try domain(Samples.oneLine).uuid == nil)
        #expect(refusal { try domain(Samples.small("<uuid>x</uuid>")) }?.description.contains("<uuid>") == true)
    }

    @Test("a hostdev of a domain above 0xffff")
    func wideDomain() throws {
        let xml = try domain(Samples.oneLine).adding([device("10000:e1:00.0,name=nvme")]).text
        #expect(xml.contains("domain='0x10000'"))
        #expect(try domain(xml).hostdevAddresses == [address("10000:e1:00.0")])
    }

    @Test("the request of the interface's contract")
    func request() throws {
        let request = try #require(try domain(Samples.q35).request)
        #expect(request.numa == .required(node: nil))
        #expect(request.binding == .defined)
        #expect(
            request.devices == [
                .init(
                    name: "data0", pool: "dataplane",
                    settings: VFSettings(mac: MACAddress("52:54:00:11:22:33"), vlan: .id(try VLANID("100")))),
                .init(name: "data1", pool: "dataplane", settings: VFSettings(trust: true)),
            ])
        #expect(try domain(Samples.i440fx).request == nil)
    }

    @Test("a request under another prefix, or none")
    func prefixes() throws {
        let xml = Samples.small(
            "<metadata><request xmlns='urn:buslane:request:1' binding='running'><device name='a' pool='p'/></request></metadata>"
        )
        let request = try #require(try domain(xml).request)
        #expect(request == DomainRequest(binding: .running, devices: [.init(name: "a", pool: "p")]))
    }

    @Test(
        "a wrong request names its element and attribute",
        arguments: [
            ("vlan=\"100\"", "vlan=\"0\"", "'vlan' of <device>"),
            ("vlan=\"100\"", "vlann=\"100\"", "'vlann'"),
            ("mac=\"52:54:00:11:22:33\"", "mac=\"ff:54:00:11:22:33\"", "'mac' of <device>"),
            ("trust=\"on\"", "trust=\"yes\"", "'trust' of <device>"),
            ("numa=\"required\"", "numa=\"1\"", "'numa' of <request>"),
            ("binding=\"defined\"", "binding=\"x\"", "'binding' of <request>"),
            ("name=\"data1\"", "name=\"data0\"", "'data0'"),
            ("name=\"data0\"", "name=\"data 0\"", "'name' of <device>"),
            (" pool=\"dataplane\"", "", "'pool'"),
            (" name=\"data0\"", "", "'name'"),
            ("pool=\"dataplane\"", "pool=\"\"", "'pool' of <device>"),
            ("<buslane:device name=\"data0\"", "<buslane:devise name=\"data0\"", "<devise>"),
            ("</metadata>", "<request xmlns=\"urn:buslane:request:1\"/></metadata>", "second time"),
        ])
    func wrongRequest(part: String, other: String, named: String) throws {
        let domain = try domain(Samples.q35.with(part, as: other))
        let error = refusal { try domain.request }
        #expect(error?.description.contains(named) == true, "\(String(describing: error))")
        // The devices can be taken out all the same.
        #expect(try domain.removing(names: ["data0"]).text.isEmpty == false)
    }

    @Test(
        "the root has to be a domain",
        arguments: ["domstatus", "domainsnapshot", "network", "devices"])
    func root(name: String) {
        #expect(refusal { try domain("<\(name)><name>x</name></\(name)>") } == .notADomain(root: name))
    }

    @Test("a domain of another namespace is none, and a domain has a name")
    func names() {
        #expect(refusal { try domain("<domain xmlns='urn:x'><name>x</name></domain>") } != nil)
        #expect(refusal { try domain("<domain/>") } == .missing("<name>", in: "<domain>", line: 1))
        let long = String(repeating: "x", count: 255)
        #expect(throws: Never.self) { try domain("<domain><name>\(long)</name></domain>") }
        #expect(refusal { try domain("<domain><name>\(long)x</name></domain>") } != nil)
    }

    @Test("a PCI source that can't be read stops everything: what is free isn't known")
    func sources() throws {
        let none = "<devices><hostdev mode='subsystem' type='pci'><source/></hostdev></devices>"
        #expect(refusal { try domain(Samples.small(none)) } != nil)
        for bad in [
            "bus='0x100'", "slot='32'", "function='8'", "bus='x'", "bus='0x+1'", "bus='-1'", "bus='09'", "bus=''",
        ] {
            let xml =
                "<devices><hostdev mode='subsystem' type='pci'><source><address \(bad)/></source></hostdev></devices>"
            #expect(refusal { try domain(Samples.small(xml)) } != nil, "\(bad)")
        }
    }
}

@Suite("Documents that are refused")
struct RefusalTests {
    @Test("a DOCTYPE, before any entity is expanded")
    func billionLaughs() {
        var laughs = "<?xml version='1.0'?>\n<!DOCTYPE domain [<!ENTITY a0 'ha'>\n"
        for level in 1...30 { laughs += "<!ENTITY a\(level) '&a\(level - 1);&a\(level - 1);'>\n" }
        laughs += "]>\n<domain><name>&a30;</name></domain>"
        #expect(refusal { try domain(laughs) } == .documentType(line: 2))
        #expect(refusal { try domain("<!DOCTYPE domain><domain><name>x</name></domain>") } == .documentType(line: 1))
        #expect(refusal { try domain("<domain><name>&x;</name></domain>") } != nil)
    }

    @Test("an encoding other than UTF-8")
    func encodings() throws {
        let head = "<?xml version='1.0' encoding='"
        #expect(refusal { try domain(head + "ISO-8859-1'?>" + Samples.oneLine) } == .encoding("ISO-8859-1"))
        #expect(refusal { try domain(head + "UTF-16'?>" + Samples.oneLine) } == .encoding("UTF-16"))
        #expect(try domain(head + "utf-8'?>" + Samples.oneLine).name == "one")
        let utf16 = String(Samples.oneLine.flatMap { ["\0", $0] })
        #expect(refusal { try domain(utf16) } != nil)
    }

    @Test("a byte order mark stays where it is")
    func byteOrderMark() throws {
        let xml = "\u{feff}" + Samples.q35
        let added = try domain(xml).adding([device("3b:10.2")]).text
        #expect(added.unicodeScalars.first == "\u{feff}")
        #expect(try domain(added).removing(names: ["0000-3b-10-2"]).text == xml)
    }

    @Test("nesting and size beyond any domain")
    func limits() {
        let deep = String(repeating: "<a>", count: 100_000)
        #expect(refusal { try domain("<domain>" + deep) } == .tooDeep(line: 1, limit: 256))
        let many = String(repeating: "<a/>", count: XMLDocument.maximumElements - 2)
        #expect(throws: Never.self) { try domain("<domain><name>x</name>\(many)</domain>") }
        #expect(
            refusal { try domain("<domain><name>x</name>\(many)<a/></domain>") }
                == .tooManyElements(line: 1, limit: 20_000))
        let large = String(repeating: " ", count: XMLDocument.maximumSize)
        #expect(refusal { try domain(large + Samples.oneLine) } != nil)
    }

    @Test("malformed XML, with its place")
    func malformed() {
        let error = refusal { try domain("<domain>\n  <name>x</nam>\n</domain>") }
        #expect(error == .malformed(line: 2, column: 12, reason: "mismatched tag"))
        #expect(error?.description == "domain XML, line 2, column 12: not well-formed: mismatched tag")
        for bad in [
            "", " ", "no XML", "<domain>", Samples.oneLine + "<x/>", "<domain a='1' a='2'/>", "<q:domain/>", "\0",
        ] {
            #expect(refusal { try domain(bad) } != nil, "\(bad)")
        }
    }

    @Test("a document cut off at any byte is refused, never read")
    func truncated() throws {
        for sample in [Samples.i440fx, Samples.oneLine] {
            let bytes = Array(sample.utf8)
            for length in 0..<bytes.count {
                let cut = Array(bytes[..<length])
                #expect(refusal { try Domain(bytes: cut) } != nil, "cut at \(length)")
            }
        }
    }

    @Test("a document with any byte changed is read or refused, never a crash")
    func changed() throws {
        let bytes = Array(Samples.i440fx.utf8)
        for index in bytes.indices {
            for byte in [0x00, 0x3c, 0x3e, 0x26, 0x22, 0x80, 0xff] as [UInt8] {
                var other = bytes
                other[index] = byte
                guard let domain = try? Domain(bytes: other) else { continue }
                _ = try? domain.adding([device("3b:10.2,vlan=4")])
            }
        }
    }

    @Test("every reader and edit of a document with a byte changed: read or refused, never a crash")
    func changedEverywhere() throws {
        var random = FixedSeed(0xbad)
        var additions = PlacementAdditions()
        additions.emulatorPin = NumberSet([4, 5])
        additions.cellMemory = [.init(cell: 0, node: 1)]
        additions.expanderCells = [0, 1]
        let added = try domain(Corpus.expanders).adding(RoundTripTests.devices).text
        for sample in [Samples.q35, added, added.replacing("\n", with: "")] {
            let bytes = Array(sample.utf8)
            for _ in 0..<400 {
                var other = bytes
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let index = Int.random(in: 0..<other.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: other[index] = UInt8.random(in: 0x20...0x7e, using: &random)
                    case 1: other.remove(at: index)
                    default: other.insert(contentsOf: bytes.dropFirst(index).prefix(40), at: index)
                    }
                }
                guard let domain = try? Domain(bytes: other) else { continue }
                _ = try? domain.request
                _ = try? domain.assignment
                _ = domain.freeHotplugPorts
                _ = try? domain.placement
                _ = try? domain.placing(additions)
                _ = try? domain.removing(names: ["gpu0", "sound0"])
                guard let once = try? domain.adding(RoundTripTests.devices).text else { continue }
                let twice = try Domain(parsing: once).adding(RoundTripTests.devices).text
                #expect(twice == once)
            }
        }
    }

    @Test("messages are one line whatever the document has in it")
    func messages() {
        let error = refusal { try domain(Samples.small("<uuid>a\nb</uuid>")) }
        #expect(error?.description.contains("\n") == false)
    }
}
