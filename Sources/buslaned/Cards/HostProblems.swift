// SPDX-License-Identifier: GPL-3.0-or-later
import ConfigurationFiles
import PrintableText

/// The problems of the host: declared PFs that are missing, drift, and an invalid configuration.
struct HostProblems: Sendable {
    let cards: CardState
    let configuration: ConfigurationInForce

    /// One line each; empty on a host in order.
    var lines: [String] {
        let wrong = configuration.problem.map { "\($0.description); the configuration from before stays in force" }
        let ignored = configuration.ignored.map { "\($0) is not read: \(ConfigurationFolder.namingRule)" }
        return (cards.problems + [wrong].compactMap(\.self) + ignored).map(\.printable)
    }
}
