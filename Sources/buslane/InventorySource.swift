// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI
import Foundation
import HostIO
import HostModel

/// Where a command has the host's inventory from: the daemon, or the host itself where there is none.
struct InventorySource: ParsableArguments {
    @OptionGroup var connection: ConnectionOptions
    @Option(help: "Read the host below this folder, without a daemon.") var hostRoot: String?

    /// The host, and who holds what.
    struct Reading {
        var inventory: Inventory
        /// By claim, its owner's name; nil when no daemon was there to tell.
        var owners: [String: String]?
    }

    /// What was asked of the daemon, or read from the host and said so on standard error.
    func read() async throws -> Inventory { try await readFromEither().inventory }

    /// The same with the claims' owners, for what people read.
    func readWithOwners() async throws -> Reading {
        let (inventory, isFromDaemon) = try await readFromEither()
        // A host that was read without the daemon has no claims in it: their owners would make it look free of them.
        return Reading(inventory: inventory, owners: isFromDaemon ? try await owners() : nil)
    }

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
        Terminal.error("note: no daemon to ask, so this is read from the host itself, without claims")
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
            let snapshot = try SysfsReader(paths: HostPaths(root: root)).snapshot()
            return Inventory(of: snapshot, names: PCINames(), capturedAt: Int(Date().timeIntervalSince1970))
        } catch {
            throw Failure(.refused, "unreadable-host", subject: root, "\(error)")
        }
    }
}
