// SPDX-License-Identifier: GPL-3.0-or-later
public import HostModel

/// Memory that a domain takes from the host at its start.
public struct MemoryNeed: Hashable, Sendable {
    public enum Pages: Hashable, Sendable {
        case ordinary
        /// nil is the host's default size.
        case huge(sizeBytes: Int?)
    }

    public let pages: Pages
    public let bytes: Int
    /// The guest's node; nil for a guest without nodes.
    public let cell: Int?
    /// The host nodes that it has to be free on; nil when it may be anywhere.
    public let nodes: NumberSet?
    /// Whether it comes from other nodes where these have too little: mode `preferred`. Huge pages of other nodes are
    /// then far from the domain's devices, and count as missing all the same.
    public let mayOverflow: Bool

    init(pages: Pages, bytes: Int, cell: Int?, boundTo memory: DomainPlacement.Memory?) {
        self.pages = pages
        self.bytes = bytes
        self.cell = cell
        nodes = memory?.nodes
        mayOverflow = memory?.mode == "preferred"
    }
}
