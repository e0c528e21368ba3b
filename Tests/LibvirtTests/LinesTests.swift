// SPDX-License-Identifier: GPL-3.0-or-later
import Dispatch
import Foundation
import Synchronization
import Testing

@testable import Libvirt

@Suite("Calls that libvirt does not answer", .timeLimit(.minutes(5)))
struct LinesTests {
    @Test("a call that hangs does not delay another")
    func hangs() async throws {
        let libvirt = LibvirtConnection(uri: "test:///default")
        let hung = DispatchSemaphore(value: 0)
        defer { hung.signal() }
        let error = await #expect(throws: LibvirtError.self) {
            try await libvirt.calling(within: .milliseconds(50)) { _ throws(LibvirtError) in hung.wait() }
        }
        #expect(error == .noAnswer(uri: "test:///default", after: .milliseconds(50)))
        #expect(error?.description == "libvirt does not answer: no reply from test:///default in 0.05 seconds")
        for _ in 0..<5 { #expect(try await libvirt.domain(named: "test").isActive) }
    }

    @Test("when all workers hang, a call ends at its time limit and is not made later")
    func allHang() async throws {
        let libvirt = LibvirtConnection(uri: "test:///default", lines: 1)
        let hung = DispatchSemaphore(value: 0)
        let calls = Mutex(0)
        async let first: Void? = try? libvirt.calling(within: .seconds(30)) { _ throws(LibvirtError) in hung.wait() }
        var error: LibvirtError?
        // Until the first has begun, one more may well be answered.
        while error == nil {
            do {
                try await libvirt.calling(within: .milliseconds(20)) { _ throws(LibvirtError) in }
            } catch let other {
                error = other
            }
        }
        _ = await #expect(throws: LibvirtError.self) {
            try await libvirt.calling(within: .milliseconds(20)) { _ throws(LibvirtError) in calls.withLock { $0 += 1 }
            }
        }
        hung.signal()
        await first
        #expect(try await libvirt.domain(named: "test").isActive)
        #expect(calls.withLock(\.self) == 0)
    }

    @Test("a libvirtd that is stopped costs many callers their time limit, and few threads")
    func silent() async throws {
        let server = try SilentServer()
        let libvirt = LibvirtConnection(uri: server.uri, openTimeout: .milliseconds(100), lines: 4)
        await withTaskGroup(of: LibvirtError?.self) { group in
            for _ in 0..<40 {
                group.addTask {
                    do {
                        _ = try await libvirt.domains()
                        return nil
                    } catch {
                        return error as? LibvirtError
                    }
                }
            }
            for await error in group { #expect(error == .noAnswer(uri: server.uri, after: .milliseconds(100))) }
        }
        #expect(server.connections <= 4)
        server.hangUp()
    }
}
