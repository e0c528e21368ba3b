// SPDX-License-Identifier: GPL-3.0-or-later
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import TemporaryFiles
import Testing

@testable import buslaned

/// The daemon's sockets in a folder of their own, with a few routes.
final class House: Sendable {
    let folder = TemporaryFolder()
    let rootSocket, socket: String
    private let serving: Task<Void, any Error>

    /// - Parameters:
    ///   - connections: of the ordinary socket.
    ///   - patience: for a whole request.
    ///   - add: adds routes to `/`, which says `there`.
    init(
        connections: Int = 1000, limits: ClientLimits = ClientLimits(), patience: TimeAmount = .seconds(60),
        _ add: (Router<PeerContext>) -> Void = { _ in }
    ) async throws {
        (rootSocket, socket) = (folder.path + "/admin.sock", folder.path + "/buslane.sock")
        let router = Router(context: PeerContext.self)
        router.add(middleware: ErrorMapping())
        router.add(middleware: Admission(limits: limits))
        router.get("/") { _, _ in "there" }
        add(router)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        func door(_ path: String, _ connections: Int, _ group: String?) -> Door {
            Door(
                path: path,
                capacity: .init(connections: connections, threads: MultiThreadedEventLoopGroup.singleton),
                group: group, responder: router.buildResponder(), limits: limits, requestPatience: patience,
                logger: logger)
        }
        let (opened, open) = AsyncStream.makeStream(of: Void.self)
        let doors = Doors(
            root: door(rootSocket, 1000, nil), members: door(socket, connections, "root"), opened: { open.finish() })
        serving = Task {
            defer { open.finish() }
            try await doors.run()
        }
        for await _ in opened {}
        try #require(FileManager.default.fileExists(atPath: socket))
    }

    func close() async {
        serving.cancel()
        _ = try? await serving.value
    }

    func mode(of path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    /// A client that sends what it likes.
    final class Caller: Sendable {
        private let connection: Int32

        init(_ path: String) throws {
            connection = Foundation.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            let result = withUnixAddress(path) { [connection] in connect(connection, $0, $1) }
            try #require(result == 0, "errno \(errno)")
        }

        deinit { Foundation.close(connection) }

        func send(_ text: String) throws {
            let sent = Array(text.utf8).withUnsafeBytes { write(connection, $0.baseAddress, $0.count) }
            try #require(sent == text.utf8.count)
        }

        /// Ends the sending; the answer can still come.
        func finishSending() { shutdown(connection, Int32(SHUT_WR)) }

        var hasAnswer: Bool {
            var question = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
            return poll(&question, 1, 0) == 1 && question.revents & Int16(POLLIN) != 0
        }

        /// What is read next; all until it has a mark; or all until the daemon closes the connection.
        func read(until mark: String = "", toEnd: Bool = false) async -> String {
            await withCheckedContinuation { answer in
                Thread.detachNewThread { [self] in
                    var bytes: [UInt8] = []
                    var chunk = [UInt8](repeating: 0, count: 65536)
                    while true {
                        let count = Foundation.read(connection, &chunk, chunk.count)
                        guard count > 0 else { break }
                        bytes += chunk.prefix(count)
                        if !toEnd, mark.isEmpty || String(decoding: bytes, as: UTF8.self).contains(mark) { break }
                    }
                    answer.resume(returning: String(decoding: bytes, as: UTF8.self))
                }
            }
        }

        func answer(to text: String, toEnd: Bool = false) async throws -> String {
            try send(text)
            return await read(toEnd: toEnd)
        }
    }
}
