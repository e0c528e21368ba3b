// SPDX-License-Identifier: GPL-3.0-or-later
import ArgumentParser
import ControlAPI

struct PoolsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pools", abstract: "Lists the pools and how many of their functions are free.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
        let document = try await connection.client.get(Route.pools, as: PoolsDocument.self)
        try Output.list(document, format, ids: document.pools.map(\.name), table: document.table)
    }
}

extension PoolsDocument {
    var table: Table {
        Table(
            columns: [
                .init("POOL"), .init("FREE", isWhole: true), .init("TOTAL", isWhole: true),
                .init("NUMA", expendability: 1), .init("FREE BY NODE", shrinks: true),
            ],
            rows: pools.map { pool in
                let nodes = pool.nodes.map { "\($0.node.map(String.init) ?? "-"): \($0.free)" }
                return [
                    pool.name, String(pool.free), String(pool.total), pool.numa.description,
                    nodes.joined(separator: ", ").orDash,
                ]
            },
            whenEmpty: "no pools: declare some in /etc/buslane/buslane.yaml")
    }
}

extension ClaimsDocument {
    /// A row for each function.
    var table: Table {
        Table(
            columns: [
                .init("CLAIM", isWhole: true), .init("OWNER"), .init("POOL", expendability: 2),
                .init("STATE", expendability: 1),
                .init("FUNCTION", isWhole: true), .init("NODE", expendability: 3), .init("MAC", expendability: 4),
                .init("VLAN", expendability: 5),
            ],
            rows: claims.flatMap { claim in
                claim.assignments.map { assignment in
                    [
                        claim.id, claim.ownerName, claim.pool,
                        claim.state == .inUse ? "in use" : claim.state.rawValue, assignment.address.shown,
                        assignment.numaNode.map(String.init) ?? "-", assignment.mac?.description ?? "-",
                        assignment.vlan.map(String.init) ?? "-",
                    ]
                }
            },
            whenEmpty: "no claims")
    }
}
