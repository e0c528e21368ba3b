// SPDX-License-Identifier: GPL-3.0-or-later
import ControlAPI
import DomainXML
import Foundation
import HostIO
import HostModel
import HostSimulator
import Hummingbird
import Ledger
import Libvirt
import Logging
import TemporaryFiles
import Testing

@testable import buslaned

@Suite("Reads of the host that hang")
struct HungReadTests {
    private static let file = """
        physicalFunctions:
          - { select: { addresses: ["\(Scene.card)"] }, vfCount: 4 }
        pools:
          - { name: vfs, select: { kinds: [virtual-function] } }
        """

    /// More than there are threads in Swift's pool on any machine that runs the tests.
    private static let plans = 40

    /// The daemon's routes on a socket.
    private static func serving(_ scene: Scene, in folder: TemporaryFolder) async throws -> Task<Void, any Error> {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        try FileManager.default.createDirectory(atPath: folder.path + "/sys", withIntermediateDirectories: true)
        let host = try KernelHost(paths: HostPaths(root: folder.path), logger: logger)
        let libvirt = LibvirtConnection(uri: "test:///default")
        let routes = Routes(
            daemon: scene.daemon, domains: DomainWiring(libvirt: libvirt, daemon: scene.daemon),
            inventory: InventoryText(host: host, ledger: scene.ledger, threads: scene.daemon.threads),
            owners: OwnerNames(
                ledger: scene.ledger, libvirt: libvirt, processes: Processes(), permissions: scene.daemon.permissions),
            file: LedgerFile(path: folder.path + "/ledger.sqlite"),
            spool: HookSpool(folder: folder.path, calls: scene.daemon.hooks, logger: logger), limits: ClientLimits())
        let (opened, open) = AsyncStream.makeStream(of: Void.self)
        let application = Application(
            router: routes.router,
            server: .http1(configuration: .init(additionalChannelHandlers: [ConnectionPeers()])),
            configuration: .init(address: .unixDomainSocket(path: folder.path + "/socket")),
            onServerRunning: { _ in open.finish() }, logger: logger)
        let serving = Task { try await application.run() }
        for await _ in opened {}
        return serving
    }

    @Test("beside plans that hang, health answers, claims are made and released, and guests start")
    func plans() async throws {
        let scene = try Scene()
        try scene.configure(Self.file)
        try await scene.apply(try scene.daemon.configuration.declared())
        let folder = TemporaryFolder()
        let serving = try await Self.serving(scene, in: folder)
        let client = ControlClient(socketPaths: [folder.path + "/socket"])
        scene.host.gate.close()
        async let planned: Void = withThrowingDiscardingTaskGroup { group in
            for _ in 0..<Self.plans {
                group.addTask {
                    _ = try await client.post(Route.plan, PlanRequest(configuration: nil), as: PlanDocument.self)
                }
            }
        }
        // The plans share a look at the host, which waits in the kernel now.
        await scene.host.gate.reached(by: 1)
        #expect(try await client.get(Route.health, as: HealthDocument.self).version == Version.current)
        let claim = try await scene.allocate(for: .domain(uuid: Domain.uuid), name: "data0")
        try await scene.daemon.prepareHook.prepare(try .guest(having: claim.assignments), by: Scene.root)
        try await scene.release(try await scene.allocate(for: .name("other")))
        scene.host.gate.open()
        try await planned
        #expect(scene.host.gate.lost == 0)
        serving.cancel()
        _ = try? await serving.value
    }
}
