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

    /// The daemon's own text; nil without a daemon, and for a tree.
    func text() async throws -> [UInt8]? {
        guard hostRoot == nil else { return nil }
        do {
            return try await connection.client.text(Route.inventory)
        } catch {
            switch error {
            case .unreachable, .notPermitted: return nil
            default: throw error
            }
        }
    }

    /// Follows changes of this host: from the daemon, else from the host's own events.
    func watch(_ take: @escaping @Sendable (InventoryChange) async throws -> Void) async throws {
        do {
            return try await connection.client.lines(Route.inventoryChanges, as: InventoryChange.self, take)
        } catch {
            switch error {
            case .unreachable, .notPermitted: Terminal.error(Self.withoutDaemon)
            default: throw error
            }
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

    private static let withoutDaemon =
        "note: no daemon answers; reading the host itself, without claims"

    private static var now: Int { time(nil) }

    private func readFromEither() async throws -> (inventory: Inventory, isFromDaemon: Bool) {
        if let hostRoot { return (try Self.readHost(below: hostRoot), false) }
        do {
            return (try await connection.client.get(Route.inventory, as: Inventory.self), true)
        } catch {
            switch error {
            case .unreachable, .notPermitted: break
            default: throw error
            }
        }
        Terminal.error(Self.withoutDaemon)
        return (try Self.readHost(below: "/"), false)
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

    private static func readHost(below root: String) throws -> Inventory {
        do {
            let paths = HostPaths(root: root)
            return Inventory(
                of: try SysfsReader(paths: paths).snapshot(), names: PCINames(),
                uses: HostUseReader(paths: paths).uses(askingKernel: true), capturedAt: now)
        } catch {
            throw Failure(
                .refused, "unreadable-host", subject: root, "\(error)",
                fix: root == "/" ? "mount -t sysfs sysfs /sys" : "name the folder that contains the host's sys")
        }
    }
}
