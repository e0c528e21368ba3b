// SPDX-License-Identifier: GPL-3.0-or-later
import Libvirt
import Logging
import Testing

@testable import buslaned

@Suite("Events of libvirt's domains", .timeLimit(.minutes(5)))
struct DomainFeedTests {
    private let feed = DomainFeed()
    private let uuid = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"

    private func event(_ change: DomainEvent.Change, of other: String? = nil) -> DomainNews {
        .event(DomainEvent(name: "fw1", uuid: other ?? uuid, change: change))
    }

    @Test("the request for a device gets its own result, and none of others")
    func answers() async throws {
        let changes: [(DomainEvent.Change, DomainFeed.DeviceAnswer)] = [
            (.deviceAdded(alias: "ua-buslane-a"), .added), (.deviceRemoved(alias: "ua-buslane-a"), .removed),
            (.deviceRemovalFailed(alias: "ua-buslane-a"), .removalFailed), (.stopped, .removed),
        ]
        for (change, wanted) in changes {
            let answer = try await feed.answer(about: "ua-buslane-a", of: uuid, within: .seconds(30)) {
                feed.publish(event(.deviceRemoved(alias: "ua-buslane-b")))
                feed.publish(event(.deviceRemoved(alias: "ua-buslane-a"), of: "00000000-1d52-d8f3-2516-782e98ab3fa0"))
                feed.publish(event(.resumed))
                feed.publish(event(change))
            }
            #expect(answer == wanted)
        }
    }

    @Test("a guest that says nothing, and events that were lost, are no answer")
    func noAnswer() async throws {
        #expect(try await feed.answer(about: "x", of: uuid, within: .milliseconds(10)) {} == .nothing)
        let lost = try await feed.answer(about: "x", of: uuid, within: .seconds(30)) { feed.publish(.lost) }
        #expect(lost == .nothing)
        await #expect(throws: LibvirtError.noSuchDomain("x")) {
            _ = try await feed.answer(about: "x", of: uuid, within: .seconds(30)) {
                throw LibvirtError.noSuchDomain("x")
            }
        }
    }

    @Test("the stream of a watcher that falls behind ends, so that it reads everything again")
    func behind() async throws {
        let news = feed.watch()
        for _ in 0..<2000 { feed.publish(event(.resumed)) }
        var count = 0
        for await _ in news { count += 1 }
        #expect(count == 1024)
    }

    @Test("the connection is opened, announced, and opened again when it was lost")
    func reconnects() async throws {
        let libvirt = LibvirtConnection(uri: "test:///default", lines: 1)
        let service = LibvirtService(
            libvirt: libvirt, feed: feed, isReady: { true },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        var news = feed.watch().makeAsyncIterator()
        let running = Task { await service.run() }
        #expect(await news.next() == .connected)
        let test = try await libvirt.define(try await libvirt.inactiveXML(of: "test"))
        #expect(await news.next() == .event(DomainEvent(name: "test", uuid: test.uuid, change: .defined)))
        for _ in 0..<3 {
            libvirt.close()
            #expect(await news.next() == .lost)
            #expect(await news.next() == .connected)
        }
        running.cancel()
        await running.value
    }
}
