// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import Glibc
import HostIO
import HostModel

/// Where a command gets the inventory from: the daemon, or the host itself if no daemon answers.
struct InventorySource: ParsableArguments {
    @OptionGroup var connection: ConnectionOptions
    @Option(help: "Read the host tree below this folder, without a daemon.") var hostRoot: String?

    /// An inventory and the owners of its claims.
    struct Reading {
        var inventory: Inventory
        /// By claim, its owner's name; nil without a daemon.
        var owners: [String: String]?
    }

    /// The daemon's inventory; else the host's, with a note on standard error.
    func read() async throws -> Inventory { try await readFromEither().inventory }

    /// The same with the claims' owners, for people.
    func readWithOwners() async throws -> Reading {
        let (inventory, isFromDaemon) = try await readFromEither()
        // An inventory read without the daemon lacks claims: an empty list of owners would show every function as free.
        return Reading(inventory: inventory, owners: isFromDaemon ? try await owners() : nil)
    }

    /// The whole document in parts: the daemon's own text; else the host's, with a note on standard error.
    func parts() async throws -> [[UInt8]] {
        if hostRoot == nil {
            do {
                return [try await connection.client.text(Route.inventory)]
            } catch {
                try Self.noteAbsence(error)
            }
        }
        let host = try HostReading(below: hostRoot ?? "/")
        let head = InventoryHead(of: host.snapshot, numaNodes: host.snapshot.numaNodes, capturedAt: Self.now)
        return try [head.opening()] + InventoryBody(of: host.snapshot, names: host.names, uses: host.uses).parts()
    }

    /// Follows changes of this host: from the daemon, else from the host's own events.
    func watch(_ take: @escaping @Sendable (InventoryChange) async throws -> Void) async throws {
        do {
            return try await connection.client.lines(Route.inventoryChanges, as: InventoryChange.self, take)
        } catch {
            try Self.noteAbsence(error)
        }
        // The monitor listens before the first reading, so that no event is missed.
        let monitor = try UdevMonitor()
        let follower = try HostFollower(reader: SysfsReader())
        let names = PCINames()
        try await take(.watching(at: Self.now))
        for await events in monitor.events() {
            for change in try follower.follow(events) {
                try await take(
                    InventoryChange(change, on: follower.current.snapshot, names: names, at: Self.now))
            }
        }
    }

    /// - Throws: an error that is not the absence of a daemon.
    private static func noteAbsence(_ error: ControlError) throws {
        switch error {
        case .unreachable, .notPermitted:
            Terminal.error("note: no daemon answers; reading the host itself, without claims")
        default: throw error
        }
    }

    private static var now: Int { time(nil) }

    private func readFromEither() async throws -> (inventory: Inventory, isFromDaemon: Bool) {
        if hostRoot == nil {
            do {
                return (try await connection.client.get(Route.inventory, as: Inventory.self), true)
            } catch {
                try Self.noteAbsence(error)
            }
        }
        let host = try HostReading(below: hostRoot ?? "/")
        return (
            Inventory(of: host.snapshot, names: host.names, uses: host.uses, capturedAt: Self.now), isFromDaemon: false
        )
    }

    private func owners() async throws -> [String: String]? {
        let document: ClaimsDocument
        do {
            document = try await connection.client.get(Route.claims, as: ClaimsDocument.self)
        } catch {
            switch error {
            case .unreachable, .notPermitted: return nil
            default: throw error
            }
        }
        return Dictionary(document.claims.map { ($0.id, $0.ownerName) }, uniquingKeysWith: { first, _ in first })
    }

    /// What is read of a host without a daemon.
    private struct HostReading {
        let snapshot: HostSnapshot
        let uses: HostUses
        let names = PCINames()

        init(below root: String) throws {
            names.prepare()
            do {
                let paths = HostPaths(root: root)
                snapshot = try SysfsReader(paths: paths).snapshot()
                uses = HostUseReader(paths: paths).uses(askingKernel: true)
            } catch {
                throw Failure(
                    .refused, "unreadable-host", subject: root, "\(error)",
                    fix: root == "/" ? "mount -t sysfs sysfs /sys" : "name the folder that contains the host's sys")
            }
        }
    }
}
