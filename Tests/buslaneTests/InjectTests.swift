// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import HostModel
import Testing

@testable import buslane

@Suite("The filter for domain XML, as a command")
struct InjectTests {
    private let xml =
        "<domain type='kvm'>\n  <name>fw1</name>\n  <devices>\n    <emulator>/x</emulator>\n  </devices>\n</domain>\n"
    private let vf = "0000:3b:10.0,mac=52:54:00:11:22:33,vlan=42,name=data0"

    private func failure(_ xml: String, _ devices: [String], host: Bool = false) -> Failure? {
        do throws(Failure) {
            _ = try DomainCommand.Inject.edited(xml, adding: devices, kinds: host ? [:] : nil)
            return nil
        } catch {
            return error
        }
    }

    @Test("its own output is what it makes of its own output; everything that was there stays")
    func composes() throws {
        let once = try DomainCommand.Inject.edited(xml, adding: [vf], kinds: nil)
        #expect(try DomainCommand.Inject.edited(once, adding: [vf], kinds: nil) == once)
        #expect(
            once.hasPrefix(
                "<domain type='kvm'>\n  <name>fw1</name>\n  <devices>\n    <emulator>/x</emulator>\n    <interface"))
        #expect(once.hasSuffix("    </interface>\n  </devices>\n</domain>\n"))
    }

    @Test("what is wrong with a device is a wrong use: 64")
    func devices() {
        for bad in ["", "ens1f0", "3b:10.9", vf + ",vlan=43", "3b:10.0,color=red", "3b:10.0,vlan=5000"] {
            #expect(failure(xml, [bad])?.code == .usage, "\(bad)")
        }
    }

    @Test("what is wrong with the XML is a refusal with the fix: 1")
    func documents() {
        let refused = [
            "", "no XML", "<domain>", "<network><name>n</name></network>",
            "<!DOCTYPE domain><domain><name>x</name></domain>",
            "<domain><name>x</name></domain>",
        ]
        for bad in refused {
            let failure = failure(bad, [vf])
            #expect(failure?.code == .refused && failure?.detail.code == "bad-domain-xml", "\(bad)")
        }
        #expect(failure("<domain><name>x</name></domain>", [vf])?.detail.remedy == "add <devices/> to <domain>")
        #expect(failure(xml, [vf, "3b:10.1,name=data0"])?.detail.remedy == "give one of them another name")
        #expect(failure(xml, ["3b:10.1,name=a,companion=b"])?.code == .refused)
    }

    @Test("a function that the host has not got is refused where the host is asked")
    func unknown() {
        #expect(failure(xml, [vf], host: true)?.code == .refused)
        #expect(failure(xml, [vf]) == nil)
    }
}
