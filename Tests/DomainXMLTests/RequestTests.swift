// SPDX-License-Identifier: GPL-3.0-or-later
import DomainSamples
import Foundation
import HostModel
import Testing

@testable import DomainXML

@Suite("What a domain requests")
struct RequestTests {
    /// A domain with that in its metadata.
    private func domain(metadata: String) throws -> Domain {
        try Domain(parsing: Samples.small("<metadata>\(metadata)</metadata><devices/>"))
    }

    private func request(_ attributes: String, _ devices: String) -> String {
        "<b:request xmlns:b='urn:buslane:request:1' \(attributes)>\(devices)</b:request>"
    }

    @Test("a request has at most 64 devices, whatever they are")
    func tooMany() throws {
        func devices(_ count: Int) -> String { (0..<count).map { "<b:device name='d\($0)' pool='p'/>" }.joined() }
        #expect(try domain(metadata: request("", devices(64))).request?.devices.count == 64)
        let error = #expect(throws: DomainXMLError.self) {
            try domain(metadata: request("", devices(65))).request
        }
        #expect(error?.report.message.contains("65 devices: the limit is 64") == true)
    }

    @Test("every element and attribute is read")
    func everything() throws {
        let xml = request(
            "numa='required:1' spread='pf' align='auto' binding='running'",
            """
            <b:device name='data0' pool='lanes' numa='none' failover='standby0' mac='52:54:00:11:22:33' vlan='100' qos='3'
              vlanProtocol='802.1ad' trust='on' spoofCheck='off' linkState='enable' minTxRate='100' maxTxRate='1000'/>
            <b:device name='data1' pool='lanes' failover='ua-standby1'/>
            """)
        #expect(try Schema.complaint(about: xml, by: Schema.request) == nil)
        let read = try #require(try domain(metadata: xml).request)
        let settings = try VFSettings(
            mac: MACAddress("52:54:00:11:22:33"), vlan: VLANID("100"), qos: 3, vlanProtocol: .dot1ad, trust: true,
            spoofCheck: false, linkState: .enable, minTxRate: 100, maxTxRate: 1000)
        #expect(
            read
                == DomainRequest(
                    numa: .required(node: 1), spread: .pf, align: .auto, binding: .running,
                    devices: [
                        .init(
                            name: "data0", pool: "lanes", settings: settings, numa: NUMAPolicy.none,
                            failover: "ua-standby0"),
                        .init(name: "data1", pool: "lanes", failover: "ua-standby1"),
                    ]))
    }

    @Test(
        "the reader and the schema accept and refuse the same requests",
        arguments: [
            ("", "<b:device name='a' pool='p'/>", true), ("", "", true), ("numa='socket:0'", "", true),
            ("numa='none:0'", "", false), ("numa='near'", "", false), ("spread='one-pf'", "", true),
            ("spread='cards'", "", false), ("align='yes'", "", false), ("binding='always'", "", false),
            ("bindng='running'", "", false), ("", "<b:devise name='a' pool='p'/>", false),
            ("", "<device name='a' pool='p'/>", false), ("", "<b:device pool='p'/>", false),
            ("", "<b:device name='a'/>", false), ("", "<b:device name='a' pool=''/>", false),
            ("", "<b:device name='a b' pool='p'/>", false),
            ("", "<b:device name='a' pool='p'><b:vlan/></b:device>", false),
            ("", "<b:device name='a' pool='p' vlan='5000'/>", false),
            ("", "<b:device name='a' pool='p' vlan='0'/>", false),
            ("", "<b:device name='a' pool='p' qos='3'/>", false),
            ("", "<b:device name='a' pool='p' vlan='2' qos='8'/>", false),
            ("", "<b:device name='a' pool='p' vlanProtocol='802.1ad'/>", false),
            ("", "<b:device name='a' pool='p' vlan='2' vlanProtocol='q'/>", false),
            ("", "<b:device name='a' pool='p' trust='yes'/>", false),
            ("", "<b:device name='a' pool='p' spoofCheck='1'/>", false),
            ("", "<b:device name='a' pool='p' linkState='up'/>", false),
            ("", "<b:device name='a' pool='p' maxTxRate='-1'/>", false),
            ("", "<b:device name='a' pool='p' maxTxRate='9999999999'/>", false),
            ("", "<b:device name='a' pool='p' mac='01:00:5e:00:00:01'/>", false),
            ("", "<b:device name='a' pool='p' mac='52:54:00'/>", false),
            ("", "<b:device name='a' pool='p' failover='a b'/>", false),
            ("", "<b:device name='a' pool='p' x:note='mine' xmlns:x='urn:x'/>", true),
        ])
    func schema(attributes: String, devices: String, isGood: Bool) throws {
        let xml = request(attributes, devices)
        let error = refusal { try domain(metadata: xml).request }
        #expect((error == nil) == isGood, "\(String(describing: error))")
        let complaint = try Schema.complaint(about: xml, by: Schema.request)
        #expect((complaint == nil) == isGood, "\(complaint ?? "")")
    }

    @Test(
        "a broken namespace is recognised, with what to write",
        arguments: [
            ("<request><device name='a' pool='p'/></request>", "no namespace"),
            ("<b:request xmlns:b='urn:buslane:request'/>", "'urn:buslane:request'"),
            ("<b:request xmlns:b='urn:buslane:request:2'/>", "'urn:buslane:request:2'"),
            ("<b:request xmlns:b='urn:Buslane:request:1'/>", "'urn:Buslane:request:1'"),
            ("<b:request xmlns:b='urn:bulsane:request:1'/>", "'urn:bulsane:request:1'"),
            ("<b:request xmlns:b='http://buslane.io/request'/>", "not read"),
        ])
    func namespaces(metadata: String, named: String) throws {
        let error = refusal { try domain(metadata: metadata).request }
        #expect(error?.description.contains(named) == true, "\(String(describing: error))")
        #expect(error?.remedy == "write xmlns:buslane='urn:buslane:request:1' and <buslane:request>")
    }

    @Test(
        "another program's metadata is ignored",
        arguments: ["<request xmlns='urn:x'/>", "<request/>", "<x:y xmlns:x='urn:buses:1'/>"])
    func strangers(metadata: String) throws {
        #expect(try domain(metadata: metadata).request == nil)
    }

    @Test("errors name the element and the fix")
    func fixes() throws {
        let bad: [(String, String, String)] = [
            (request("", "<b:device name='a' pool='p' vlann='2'/>"), "'vlann'", "write 'vlan'"),
            (request("", "<b:devise name='a' pool='p'/>"), "<devise>", "write <device>"),
            (
                request("", "<b:device name='a' pool='p'/><b:device name='a' pool='q'/>"), "device name 'a'",
                "keep only one"
            ),
            (
                request(
                    "",
                    "<b:device name='a' pool='p' mac='52:54:00:00:00:01'/><b:device name='b' pool='p' mac='52:54:00:00:00:01'/>"
                ), "52:54:00:00:00:01", "keep only one"
            ),
            (request("", "<b:device name='a'/>"), "<device name='a'>", "add attribute 'pool'"),
            (request("", "") + request("", ""), "second time", "keep only one <request>"),
        ]
        for (metadata, named, fix) in bad {
            let error = refusal { try domain(metadata: metadata).request }
            #expect(error?.description.contains(named) == true, "\(String(describing: error))")
            #expect(error?.remedy?.contains(fix) == true, "\(error?.remedy ?? "none")")
        }
        let rates = request("", "<b:device name='a' pool='p' minTxRate='9' maxTxRate='5'/>")
        let error = refusal { try domain(metadata: rates).request }
        #expect(error?.description.contains("<device name='a'>") == true)
        #expect(error?.description.contains("no more than the maximum of 5") == true)
        let unbound = refusal { try Domain(parsing: "<domain><metadata><buslane:request/></metadata></domain>") }
        #expect(unbound?.remedy?.contains("xmlns:buslane='urn:buslane:request:1'") == true)
    }

    @Test("a request beside <metadata>, where libvirt drops it")
    func misplaced() throws {
        let error = refusal { try Domain(parsing: Samples.small(request("", "") + "<devices/>")).request }
        #expect(error == .misplaced("<request>", in: "<domain>", line: 3))
        #expect(error?.remedy == "move <request> into <metadata>")
    }

    @Test("the record of the devices is written and read again, and does not damage the XML around it")
    func assignment() throws {
        let note = DomainAssignment(devices: [
            .init(name: "data0", address: address("3b:10.2"), claim: "c17", generation: 3, numaNode: 1),
            .init(name: "gpu", address: address("10000:af:00.0"), claim: "it's <odd> & \"so\"", generation: 1),
        ])
        #expect(try DomainAssignment(metadata: note.metadata) == note)
        #expect(
            DomainAssignment(devices: [note.devices[0]]).metadata
                == "<assignment><device name='data0' address='0000:3b:10.2' claim='c17' generation='3' node='1'/></assignment>"
        )
        let kept =
            "<n:assignment xmlns:n='urn:buslane:assignment:1'>\n <n:device name='data0' address='0000:3b:10.2' claim='c17' generation='3' node='1' later='x'/>\n</n:assignment>"
        let domain = try domain(metadata: kept + request("", ""))
        #expect(try domain.assignment == DomainAssignment(devices: [note.devices[0]]))
        #expect(try domain.request == DomainRequest(devices: []))
        #expect(try DomainAssignment(metadata: "<assignment/>") == DomainAssignment(devices: []))
        #expect(try DomainAssignment(metadata: "<other/>") == nil)
        #expect(try Domain(parsing: Samples.q35).assignment == nil)
        for bad in ["<assignment><device/></assignment>", "<assignment>", kept.with("c17'", as: "c17' generation='x'")]
        {
            #expect(refusal { try DomainAssignment(metadata: bad) } != nil, "\(bad)")
        }
    }

    @Test("every request in the guide is valid")
    func guide() throws {
        let guide = try String(contentsOfFile: Schema.guide, encoding: .utf8)
        let requests = guide.split(separator: "```xml\n").dropFirst().compactMap { block in
            block.split(separator: "```").first.map(String.init)
        }.filter { $0.contains("<buslane:request") }
        #expect(requests.count >= 2)
        for metadata in requests {
            let domain = try Domain(parsing: Samples.small(metadata + "<devices/>"))
            #expect(try domain.request?.devices.isEmpty == false)
            let inner = try #require(
                metadata.split(separator: "<metadata>").last?.split(separator: "</metadata>").first)
            #expect(try Schema.complaint(about: String(inner).trimmed, by: Schema.request) == nil)
        }
    }

    @Test("entities are never expanded, and nothing is fetched")
    func entities() throws {
        let inside = request("", "<b:device name='&lol;' pool='p'/>")
        for head in [
            "<!DOCTYPE domain [<!ENTITY lol SYSTEM 'file:///etc/passwd'>]>",
            "<!DOCTYPE domain SYSTEM 'http://127.0.0.1:9/x.dtd'>",
            "<!DOCTYPE domain [<!ENTITY % p SYSTEM 'http://127.0.0.1:9/x'> %p;]>",
            "<!DOCTYPE domain [<!ENTITY lol 'lol'><!ENTITY lol1 '&lol;&lol;'>]>",
        ] {
            let xml = head + Samples.small("<metadata>\(inside)</metadata><devices/>")
            #expect(refusal { try Domain(parsing: xml) } == .documentType(line: 1))
            #expect(refusal { try DomainAssignment(metadata: head + "<assignment/>") } == .documentType(line: 1))
        }
        #expect(refusal { try domain(metadata: inside) } != nil)
    }
}
