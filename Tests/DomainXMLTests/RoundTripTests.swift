// SPDX-License-Identifier: GPL-3.0-or-later
import DomainSamples
import HostModel
import Testing

@testable import DomainXML

@Suite("Round trips over a corpus of domains")
struct RoundTripTests {
    /// A VF, and a card of three functions: so a slot and a port come along.
    static let devices = [
        device("0000:3b:10.2,mac=52:54:00:11:22:33,vlan=42,name=nic0"), device("0000:c1:00.0,name=gpu0"),
        device("0000:c1:00.1,name=sound0,companion=gpu0"), device("0000:c1:00.3,name=usb0,companion=gpu0"),
    ]

    @Test("the corpus has more than 40 documents, all different")
    func size() {
        #expect(Corpus.all.count >= 55)
        #expect(Set(Corpus.all.map(\.xml)).count == Corpus.all.count)
        #expect(Set(Corpus.all.map(\.name)).count == Corpus.all.count)
        #expect(Corpus.large(lines: 2000).split(separator: "\n").count >= 1995)
    }

    @Test(
        "parse, add, remove restores the bytes; exactly the requested devices are added", arguments: Corpus.all)
    func bytes(of document: Corpus.Document) throws {
        let xml = document.xml
        let added = try domain(xml).adding(Self.devices).text
        #expect(try domain(added).injected.map(\.name) == ["nic0", "gpu0", "sound0", "usb0"])
        #expect(added.isInsertion(into: xml))
        let names = Set(Self.devices.map(\.name))
        #expect(Array(try domain(added).removing(names: names).text.utf8) == Array(xml.utf8))
        var one = added
        for name in ["nic0", "usb0", "gpu0", "sound0"] { one = try domain(one).removing(names: [name]).text }
        #expect(Array(one.utf8) == Array(xml.utf8))
    }

    @Test("adding twice is adding once, in whatever order", arguments: Corpus.all)
    func twice(of document: Corpus.Document) throws {
        let once = try domain(document.xml).adding(Self.devices).text
        #expect(try domain(once).adding(Self.devices).text == once)
        #expect(try domain(once).adding(Self.devices.reversed()).text == once)
        #expect(try domain(once).adding([Self.devices[2]]).text == once)
        #expect(try domain(document.xml).adding([]).text == document.xml)
    }

    @Test("adding and removing spare ports restores the bytes", arguments: Corpus.all)
    func spares(of document: Corpus.Document) throws {
        guard !(try domain(document.xml).document.root.all("devices").last?.isSelfClosing ?? true) else { return }
        let spare = try domain(document.xml).addingSparePorts(upTo: 3).text
        #expect(spare.isInsertion(into: document.xml))
        #expect(try domain(spare).addingSparePorts(upTo: 3).text == spare)
        #expect(Array(try domain(spare).removingSparePorts().text.utf8) == Array(document.xml.utf8))
    }
}
