// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import Testing
import Wire

@Suite("The operation of libvirt's hook")
struct HookOperationTests {
    @Test(
        "is sent and read as libvirt's word, also when it is unknown",
        arguments: ["prepare", "start", "started", "stopped", "release", "reconnect", "migrate", "none yet", ""])
    func words(word: String) throws {
        let request = HookRequest(domain: "fw1", operation: .init(rawValue: word), reason: "-", xml: "<domain/>")
        let text = String(decoding: try request.text(), as: UTF8.self)
        #expect(text.contains("\"operation\":\"\(word)\""), "\(text)")
        #expect(try JSON.decode(HookRequest.self, from: Array(text.utf8)).operation == request.operation)
    }

    @Test("one that needs nothing is no known one")
    func others() {
        #expect(HookOperation(rawValue: "started") == .other("started"))
        #expect(HookOperation(rawValue: "release") == .release)
    }
}
